"""An index is one file that holds all it shows; it is replaced whole, stands beside others, and can be taken out."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from mmdemo.errors import BadInput, ManifestError, StorageError, UnknownName
from mmdemo.retrieval import encoding, index
from mmdemo.retrieval.candidates import shown
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Sample
from tests import tiny
from tests.unit.mmdemo.retrieval import ruled

ABOUT = index.About("tiny", "dev", "v1", 2, "dev.jsonl", "2026-01-01T00:00:00+00:00")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.fixture
def candidates(tmp_path: Path) -> encoding.CollectedCandidates:
    encoder = ruled.RuledEncoder(ruled.task(tmp_path))
    return encoding.make(encoder, [ruled.row("a", "red", "red <b>"), ruled.row("b", text="blue", label="")], "dev")


def test_what_was_written_is_read(settings: Settings, candidates: encoding.CollectedCandidates) -> None:
    path = index.write(settings, ABOUT, candidates.pool, candidates.pictures)
    assert path == settings.home / "alike" / "tiny" / "v1" / "dev.safetensors"
    about, pool = index.read(path)
    assert about == ABOUT
    for name, values in candidates.pool.features.items():
        np.testing.assert_allclose(pool.features[name], values, atol=1e-3)
        assert pool.features[name].dtype == np.float32
    for before, after in zip(candidates.candidates, pool.candidates, strict=True):
        assert dataclasses.replace(after, shown=before.shown) == before
        assert after.shown() == before.shown()
    assert pool.candidates[0].shown().image.startswith(b"\xff\xd8") and not pool.candidates[1].shown().image


def test_an_index_that_was_replaced_shows_what_it_was_read_with(
    settings: Settings, candidates: encoding.CollectedCandidates
) -> None:
    path = index.write(settings, ABOUT, candidates.pool, candidates.pictures)
    _, pool = index.read(path)
    before = pool.candidates[0].shown()
    index.write(settings, ABOUT, candidates.pool, [candidates.pictures[1], candidates.pictures[1]])
    assert pool.candidates[0].shown() == before
    assert not index.read(path)[1].candidates[0].shown().image
    assert [each.name for each in path.parent.iterdir()] == ["dev.safetensors"]


@pytest.mark.parametrize("version", ["<v1>", "../v1", "..", "a/b"])
def test_a_version_may_be_called_anything(
    settings: Settings, candidates: encoding.CollectedCandidates, version: str
) -> None:
    about = dataclasses.replace(ABOUT, model_version=version)
    path = index.write(settings, about, candidates.pool, candidates.pictures)
    assert path.parent.parent == settings.home / "alike" / "tiny" and path.parent.name not in (".", "..")
    assert index.of_version(settings, "tiny", version) == [path] and index.listed(settings, "tiny") == [about]


def test_versions_and_names_stand_beside_each_other_and_a_name_is_removed_everywhere(
    settings: Settings, candidates: encoding.CollectedCandidates
) -> None:
    for name, version in (("dev", "v1"), ("dev", "v2"), ("train", "v1")):
        about = dataclasses.replace(ABOUT, name=name, model_version=version)
        index.write(settings, about, candidates.pool, candidates.pictures)
    listed = [(about.name, about.model_version) for about in index.listed(settings, "tiny")]
    assert listed == [("dev", "v1"), ("dev", "v2"), ("train", "v1")]
    assert [path.stem for path in index.of_version(settings, "tiny", "v1")] == ["dev", "train"]
    assert index.remove(settings, "tiny", "dev") == 2
    with pytest.raises(UnknownName, match='indexed as "dev"; there is: train'):
        index.remove(settings, "tiny", "dev")
    assert index.listed(settings, "other") == []


@pytest.mark.parametrize("name", ["examples", "corrections", "", "../dev", "a/b", ".hidden", "x" * 200])
def test_a_name_that_leads_elsewhere_or_is_taken_is_refused(name: str) -> None:
    with pytest.raises(ManifestError):
        index.check_name(name)


def test_a_damaged_index_is_said_to_be_and_not_listed(
    settings: Settings, candidates: encoding.CollectedCandidates
) -> None:
    path = index.write(settings, ABOUT, candidates.pool, candidates.pictures)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StorageError, match="Index its manifest again"):
        index.read(path)
    assert index.listed(settings, "tiny") == []


def test_a_sound_is_kept_small_and_can_be_heard(tmp_path: Path) -> None:
    inputs = tiny.inputs(modalities=("audio",), seconds=2.0)
    copy = shown(inputs)
    assert 1_000 < len(copy.audio) < 20_000 and not copy.image
    task = tiny.task(tmp_path, ("audio",))
    again = ruled.inputs_of(Sample(audio=copy.audio), task).audio
    assert again is not None and len(again) == pytest.approx(32_000, abs=3_000)
    assert copy.urls()["audio"].startswith("data:audio/mpeg;base64,") and copy.urls()["image"] == ""


def test_samples_are_encoded_in_batches_and_those_at_fault_are_told(tmp_path: Path) -> None:
    task: Task = ruled.task(tmp_path)
    encoder = ruled.RuledEncoder(task)
    rows = [ruled.row(str(n), text="red") for n in range(40)]
    rows[3] = ruled.row("3", text="mute")
    rows[7] = Row("7", Sample(image=b"no picture"), "good")
    faults: list[tuple[str, BadInput]] = []
    candidates = encoding.make(encoder, rows, "dev", lambda name, error: faults.append((name, error)))
    assert encoder.batches == [32, 6] and candidates.versions == {"v1"}
    assert [name for name, _ in faults] == ["3", "7"] and len(candidates.pool.candidates) == 38
