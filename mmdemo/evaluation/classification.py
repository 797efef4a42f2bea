"""What is judged of answers with one of several labels alone: each label, what is taken for what, probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from mmdemo.answers import NONE_OF_THESE
from mmdemo.behaviour import Instance
from mmdemo.evaluation import metrics, slices
from mmdemo.evaluation.answers import Answers, PredictedRow
from mmdemo.evaluation.slices import SEED, Judged
from mmdemo.tasks import Task
from mmdemo.values.results import ClassFigures, LabelFigures
from mmdemo.values.samples import Prediction
from mmdemo.versions import sidecar
from mmdemo.versions.temperature_scaling import UNSCALED

TINY = 1e-300  # stands in for a probability of nothing
TOLERANCE = 0.02  # by which added words may lower a probability: less is rounding of a saturated answer


@dataclass(frozen=True)
class JudgedLabels(Judged):
    """Answers of labels beside what is right; an index is one into the task's answers."""

    predicted: np.ndarray  # (n,) int64 what was answered
    labels: np.ndarray  # (n,) int64 what is right
    classes: int  # how many answers the task has


def judged(task: Task, answers: Sequence[PredictedRow]) -> JudgedLabels:
    """Return the answers as arrays."""
    names = task.answers
    return JudgedLabels(
        **vars(slices.judged(task, answers)),
        predicted=np.array([names.index(answered.prediction.label) for answered in answers]),
        labels=np.array([names.index(answered.row.label) for answered in answers]),
        classes=len(names),
    )


def own(outcomes: JudgedLabels, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the means over the labels, each (d,), for weights (d, n) of the samples."""
    counts = _tallies(outcomes, weights)
    return {
        "macro_f1": metrics.macro(metrics.f1(counts), counts),
        "macro_precision": metrics.macro(metrics.precision(counts), counts),
        "macro_recall": metrics.macro(metrics.recall(counts), counts),
    }


def details(task: Task, outcomes: JudgedLabels) -> LabelFigures:
    """Return how well each label is told from the others, and what is taken for what."""
    confusion = metrics.confusion(outcomes.labels, outcomes.predicted, outcomes.classes)
    return LabelFigures(_per_class(outcomes, task.answers), tuple(map(tuple, confusion.tolist())))


def uncalibrated(answers: Answers) -> Judged:
    """Return the answers as they were before calibration; those to unfamiliar input stay near an even guess."""
    confidence = [_raw_confidence(answered.prediction, answers) for answered in answers.whole]
    return replace(slices.judged(answers.task, answers.whole), confidence=np.array(confidence))


def share(prediction: Prediction, value: str) -> float:
    """Return the probability that an answer gave to a value."""
    return prediction.labelled.shares.get(value, 0.0)


def rises(instance: Instance, first: Prediction, last: Prediction) -> bool:
    """Tell whether the label of a test is no less probable in the last answer than in the first."""
    before, after = (prediction.probabilities[instance.rises] for prediction in (first, last))
    return after >= before - TOLERANCE


def _raw_confidence(prediction: Prediction, answers: Answers) -> float:
    scaling = answers.scalings.get(sidecar.subset(prediction.modalities), UNSCALED)
    served = np.array(list(prediction.labelled.shares.values()))  # (answers,)
    raw = softmax(scaling.undone(np.log(served.clip(TINY))))
    named = dict(zip(prediction.labelled.shares, map(float, raw), strict=True))
    spread = named.get(NONE_OF_THESE, 0.0) / len(prediction.probabilities) * (prediction.label != NONE_OF_THESE)
    return named[prediction.label] + spread


def _tallies(outcomes: JudgedLabels, weights: np.ndarray) -> metrics.Tallies:
    return metrics.tallies(outcomes.labels, outcomes.predicted, outcomes.classes, weights)


def _per_class(outcomes: JudgedLabels, names: Sequence[str]) -> dict[str, ClassFigures]:
    n = len(outcomes.labels)
    counts = _tallies(outcomes, metrics.once(n))
    drawn = _tallies(outcomes, metrics.resamples(n, np.random.default_rng(SEED)))
    scores = {"precision": metrics.precision, "recall": metrics.recall, "f1": metrics.f1}
    return {
        name: ClassFigures(
            n=int(counts.true[0, i]),
            **{score: float(of(counts)[0, i]) for score, of in scores.items()},
            intervals={score: metrics.interval(of(drawn)[:, i]) for score, of in scores.items()},
        )
        for i, name in enumerate(names)
    }
