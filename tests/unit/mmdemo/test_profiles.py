"""The `hub` profile: larger encoders and more languages by one setting, which the version remembers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmdemo import tasks
from mmdemo.__main__ import main
from mmdemo.errors import ManifestError, UnknownName
from mmdemo.model import MultimodalModel
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Task
from mmdemo.training.continual import started
from mmdemo.values.samples import Sample
from mmdemo.versions import sidecar
from mmdemo.versions.sidecar import Sidecar
from tests import tiny, tiny_checkpoints
from tests.tiny_checkpoints import CHECKPOINTS

CHINESE = "这只小狗真可爱，我非常喜欢它"
# Task → modality → the family that the profile's start belongs to.
HUB = {"sentiment": {"image": "siglip", "text": "xlm-roberta"}, "speech_emotion": {"audio": "wav2vec2"}}


def version(folder: Path, task: Task) -> Path:
    """Write an untrained version of a task whose encoders start from tiny checkpoints of the profile's families."""
    starts = {
        modality: tiny_checkpoints.write(folder / modality, CHECKPOINTS[modality, family])
        for modality, family in HUB[task.name].items()
    }
    model, processor = MultimodalModel.build(task, starts)
    model.save_pretrained(folder / "version")
    processor.save_pretrained(folder / "version")
    about = Sidecar("v1", task.name, task.kind, task.label_names, task.modalities, "2026-01-01T00:00:00+00:00")
    sidecar.write(folder / "version", replace(about, profile=task.profile))
    return folder / "version"


@pytest.mark.slow
@pytest.mark.parametrize("name", HUB)
def test_a_version_of_the_profile_is_built_saved_and_served(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    task = tasks.get(name).in_profile("hub")
    folder = version(tmp_path, task)
    example = task.examples[0]
    sample = Sample(image=example.image, text=example.text, audio=example.audio)
    answer = Predictor(name, folder).predict(sample, "default")
    assert answer.modalities == task.modalities and sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.explanation is not None
    shown = [getattr(answer.explanation, modality) for modality in task.modalities]
    assert all(part is not None for part in shown)


@pytest.mark.slow
def test_a_version_reads_the_languages_of_the_profile_it_was_trained_with(tmp_path: Path) -> None:
    task = tasks.get("sentiment")
    assert "zh" not in task.languages and "zh" in task.in_profile("hub").languages
    folder = version(tmp_path, task.in_profile("hub"))
    assert "other_language" not in Predictor("sentiment", folder).predict(Sample(text=CHINESE)).notes
    sidecar.write(folder, replace(sidecar.read(folder), profile=""))
    assert "other_language" in Predictor("sentiment", folder).predict(Sample(text=CHINESE)).notes


def test_a_profile_changes_what_it_names_and_keeps_the_rest() -> None:
    plain, hub = tasks.get("speech_emotion"), tasks.get("speech_emotion").in_profile("hub")
    assert plain.in_profile("") == plain
    assert (hub.labels, hub.limits, hub.fusion) == (plain.labels, plain.limits, plain.fusion)
    assert started(plain) == started(hub) == ("audio",)
    assert hub.training["hold_out"] == plain.training["hold_out"] and hub.training["epochs"] == 8


def test_an_unknown_profile_names_those_there_are() -> None:
    with pytest.raises(UnknownName, match="hub"):
        tasks.get("sentiment").in_profile("large")


@pytest.mark.parametrize("line", ['labels = ["a", "b"]', '[profiles.hub.encoders.image]\ntype = "small_cnn"'])
def test_a_profile_that_cannot_be_is_refused_with_the_file(line: str, tmp_path: Path) -> None:
    path = tiny.write_task(tmp_path, ("text",))
    path.write_text(f"{path.read_text()}\n[profiles.hub]\n{line}\n")
    with pytest.raises(ManifestError, match=r"tiny\.toml"):
        tasks.load_file(path)


@pytest.mark.parametrize(("profile", "said"), [("mine", "/nowhere/at/all"), ("other", "there are: mine")])
def test_the_setting_chooses_what_is_trained(
    profile: str, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tiny.write_task(tmp_path, ("text",))
    path.write_text(path.read_text() + '[profiles.mine.encoders.text]\ntype = "auto"\nstart = "/nowhere/at/all"\n')
    manifest = tmp_path / "some.jsonl"
    manifest.write_text('{"id": "1", "text": "a dog", "label": "good"}\n')
    monkeypatch.setenv("MMDEMO_PROFILE", profile)
    words = ("--task", path, "--train", manifest, "--dev", manifest, "--out", tmp_path / "v")
    assert main(["train", *map(str, words)]) == 2
    assert said in capsys.readouterr().err
