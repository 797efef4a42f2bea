"""Each shipped base remembers what its nights rehearse, and what later versions are held to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from annotations.nightly import gate, looks, version_comparison
from annotations.nightly.gate import Narrow
from mmdemo import tasks
from mmdemo.prediction.predictor import Predictor
from mmdemo.training.continual import memory
from mmdemo.training.continual.memory import MOST_BYTES, RehearsalMemory, Role
from mmdemo.versions.registry import SHIPPED
from tests.unit.annotations.nightly.test_gate import BEGIN, comparison

ENOUGH = 100  # samples without a loss that show a version to be no worse than gate.NOT_WORSE allows
LABELS = ("negative", "neutral", "positive")
CALIBRATED = {"spoken_digits"}  # others remember nothing that temperatures could be fitted on


def remembered(name: str) -> RehearsalMemory:
    kept = memory.load(SHIPPED / name)
    assert kept is not None
    return kept


@pytest.mark.parametrize("name", tasks.load_all())
def test_each_shipped_base_remembers_what_fits_it_within_two_mebibytes(name: str) -> None:
    kept, predictor = remembered(name), Predictor(name, SHIPPED / name)
    assert kept.fits(predictor.loaded), "the encoders changed: write the memory anew, as the model card says"
    assert (SHIPPED / name / memory.FILE).stat().st_size <= MOST_BYTES
    assert len(kept.of(Role.REHEARSED)) >= ENOUGH and len(kept.of(Role.GUARD)) >= ENOUGH
    assert bool(kept.of(Role.CALIBRATION)) == (name in CALIBRATED)
    right = version_comparison.on_memory(predictor, kept)
    assert len(right) == len(kept.of(Role.GUARD)) and np.mean([each.is_right for each in right]) > 0.75
    assert {sample.label for sample in kept.samples} == set(predictor.task.answers)


def test_a_night_of_one_class_is_held_to_what_a_shipped_base_remembers(tmp_path: Path) -> None:
    kept, predictor = remembered("spoken_digits"), Predictor("spoken_digits", SHIPPED / "spoken_digits")
    before = version_comparison.on_memory(predictor, kept)
    with torch.no_grad():
        predictor.loaded.model.head.out.bias[3] += 50  # as if all that was learned were threes
    after = version_comparison.on_memory(predictor, kept)
    three, verdicts = predictor.task.answers[3], []
    for answers in (before, after):
        scores = version_comparison.scores_of_others(before, answers, three, {frozenset({"audio"})})
        looks_better = replace(comparison(40, 0), memory=version_comparison.memory_scores(before, answers))
        narrow = Narrow(gate.ONE_CLASS, scores)
        verdicts.append(gate.judge(replace(looks_better, narrow=narrow), looks.allowance([], BEGIN)))
    assert [verdict.name for verdict in verdicts] == [gate.PROMOTED, gate.REJECTED]
    assert verdicts[1].reasons[-1].key == "status.night_worse_memory"


def test_of_pictures_sentiment_remembers_nothing_so_that_a_night_of_one_class_with_pictures_waits() -> None:
    answers = version_comparison.on_memory(Predictor("sentiment", SHIPPED / "sentiment"), remembered("sentiment"))
    captions, both = frozenset({"text"}), frozenset({"image", "text"})
    shown = {label: version_comparison.scores_of_others(answers, answers, label, {captions}) for label in LABELS}
    assert all(len(answers) > len(scores) >= ENOUGH for scores in shown.values())
    assert not len(version_comparison.scores_of_others(answers, answers, "negative", {captions, both}))
