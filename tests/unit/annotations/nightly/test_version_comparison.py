"""Champion and challenger are compared on the same answers: each is loaded once, and asked once about each sample."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from annotations.acquisition.strata import AUDITED, FLAGGED, SampleWeights
from annotations.nightly import version_comparison
from annotations.nightly.version_comparison import ComparisonSamples, VersionAnswers, answers_of
from mmdemo.errors import ManifestError
from mmdemo.model import encoded
from mmdemo.model.packing import FILE
from mmdemo.prediction import assembly, loading
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Sample
from mmdemo.versions.registry import Versions
from tests import tiny

NAMES = ("2026-01-01-n001", "2026-01-02-n001")
# The last can't be judged.
ROWS = [
    Row(text, Sample(text=text), label) for text, label in (("the dog", "good"), ("the bad dog", "bad"), (" ", "good"))
]


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return tiny.task(tmp_path / "tasks")


@pytest.fixture
def settings(tmp_path: Path, task: Task) -> Settings:
    """A home with two untrained versions; the first is served."""
    config = Settings(home=tmp_path / "home")
    for seed, name in enumerate(NAMES):
        tiny.version(config.versions / task.name / name, task, name, seed)
    Versions(config).promote(task.name, NAMES[0])
    return config


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count how often a version is loaded, and a sample answered."""
    counts: Counter[str] = Counter()
    codes = {loading.load.__code__: "loaded", assembly.assemble.__code__: "answered"}

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in codes:
            counts[codes[frame.f_code]] += 1

    sys.setprofile(count)
    try:
        yield counts
    finally:
        sys.setprofile(None)


def test_each_version_is_loaded_once_and_asked_once_about_each_sample(task: Task, settings: Settings) -> None:
    answers: list[VersionAnswers] = []
    for version in (None, NAMES[1]):
        with counted() as counts:
            answers.append(version_comparison.answers_of(task, version, settings, ComparisonSamples(ROWS)))
        assert counts == {"loaded": 1, "answered": len(ROWS) - 1}, "one of them is refused"
    champion, challenger = answers
    assert (champion.version, challenger.version) == NAMES
    with counted() as counts:
        comparison = version_comparison.compare(task, champion, challenger)
    assert counts == {} and comparison.held_out == 2
    right = [answered.prediction.label == answered.row.label for answered in challenger.held_out]
    accuracy, macro_f1 = comparison.figures
    assert (accuracy.name, accuracy.challenger, macro_f1.name) == ("accuracy", sum(right) / 2, "macro_f1")


def test_versions_with_the_same_encoders_ask_them_once(task: Task, settings: Settings, tmp_path: Path) -> None:
    folder = settings.versions / task.name / NAMES[0]
    other = shutil.copytree(folder, tmp_path / "other")
    weights = load_file(other / FILE)
    weights["head.out.bias"] += 5.0 * torch.arange(len(weights["head.out.bias"]))
    save_file(weights, other / FILE, {"format": "pt"})
    sizes: Counter[str] = Counter()
    with encodings(sizes):
        cache = TokenCache(tmp_path / "tokens")
        first, second = (
            answers_of(task, name, settings, ComparisonSamples(ROWS), cache=cache) for name in (None, str(other))
        )
        assert sizes == {"samples": 2}
        third = answers_of(task, None, settings, ComparisonSamples(ROWS), cache=TokenCache(tmp_path / "tokens"))
    assert sizes == {"samples": 4}, "samples that have no id of a stored one are in no file"
    assert {each.prediction.label for each in second.held_out} == {task.labels[-1].name}
    assert [each.prediction.answer for each in first.held_out] == [each.prediction.answer for each in third.held_out]
    alone = Predictor(task, None, settings)
    for each in first.held_out:
        assert each.prediction.confidence == pytest.approx(alone.predict(each.row.sample).confidence, abs=2e-3)


@contextmanager
def encodings(sizes: Counter[str]) -> Iterator[None]:
    """Count the samples that encoders are asked about."""

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is encoded.tokens_of.__code__:
            sizes["samples"] += len(frame.f_locals["inputs"])

    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(None)


def test_what_was_drawn_alike_stands_together_and_what_was_not_stands_for_nothing(
    task: Task, settings: Settings
) -> None:
    rows = [Row(str(number), Sample(text=f"dog {number}"), label) for number, label in enumerate(["good", "bad"] * 3)]
    champion, challenger = (
        version_comparison.answers_of(task, version, settings, ComparisonSamples(rows)) for version in NAMES
    )
    weights = {"0": (FLAGGED, 3.0), "1": (FLAGGED, 3.0), "2": (AUDITED, 50.0), "3": (AUDITED, 5.0)}
    comparison = version_comparison.compare(task, champion, challenger, SampleWeights(weights, 5.0))
    strata = [(stratum.name, stratum.weight, stratum.labels) for stratum in comparison.strata]
    assert strata == [(AUDITED, 5.0, 1), (AUDITED, 50.0, 1), (FLAGGED, 3.0, 2)]
    right = [answered.prediction.label == answered.row.label for answered in champion.held_out]
    assert comparison.strata[2].champion.tolist() == right[:2]
    sorts = [(tally.sort, tally.name, tally.samples) for tally in comparison.tallies]
    assert sorts == [("all", "", 6), ("class", "bad", 3), ("class", "good", 3), ("maps", "", 6)]
    wrong = np.array([1 - sure if ok else sure for sure, ok in zip(_confidence(champion), right, strict=True)])
    assert comparison.miscalibration[:, 0] == pytest.approx(wrong**2)
    unseen = version_comparison.compare(task, champion, challenger, SampleWeights({"0": (FLAGGED, 3.0)}, 5.0)).strata
    assert [(stratum.name, stratum.labels) for stratum in unseen] == [(FLAGGED, 1), (AUDITED, 0)]


def test_of_golden_samples_those_count_that_the_champion_answers_rightly(task: Task, settings: Settings) -> None:
    texts = [f"{word} {number}" for word in ("dog", "cat", "sun") for number in range(8)]
    said = {name: _answers(task, settings, name, texts) for name in NAMES}
    differ = [text for text in texts if said[NAMES[0]][text] != said[NAMES[1]][text]]
    alike = [text for text in texts if text not in differ]
    assert differ and alike
    rows = [Row(text, Sample(text=text), said[NAMES[0]][text]) for text in texts]
    held_out, pinned = rows[:1], [*rows, Row("never", Sample(text="dog"), "none")]
    first, second = (
        version_comparison.answers_of(task, name, settings, ComparisonSamples(held_out, pinned)) for name in NAMES
    )
    assert len(first.held_out) == 1 and len(first.golden) == len(pinned)
    limits = version_comparison.compare(task, first, second).limits
    assert (limits.golden, set(limits.golden_lost)) == (len(rows), set(differ))


def _answers(task: Task, settings: Settings, version: str, texts: list[str]) -> dict[str, str]:
    predictor = Predictor(task, version, settings)
    return {text: predictor.predict(Sample(text=text)).label for text in texts}


def _confidence(answers: VersionAnswers) -> list[float]:
    return [answered.prediction.confidence for answered in answers.held_out]


def test_where_not_one_correction_can_be_judged_there_is_no_verdict(task: Task, settings: Settings) -> None:
    with pytest.raises(ManifestError):
        version_comparison.answers_of(task, None, settings, ComparisonSamples(ROWS[-1:]))
