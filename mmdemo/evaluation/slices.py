"""Answers of classes beside what is right, as arrays, and the figures of any part of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from mmdemo import sidecar
from mmdemo.answers import NONE_OF_THESE
from mmdemo.evaluation import metrics
from mmdemo.evaluation.answers import Answered
from mmdemo.figures import Bin, Interval, Reliability, Slice
from mmdemo.samples import Prediction
from mmdemo.scaling import UNSCALED, TemperatureScaling

TINY = 1e-300  # stands in for a probability of nothing
SEED = 0  # of the bootstrap and the floor: the same predictions give the same figures


@dataclass(frozen=True)
class Judged:
    """Answers beside what is right, row by row."""

    predicted: np.ndarray  # (n,) int64 what was answered, as an index into the task's answers
    confidence: np.ndarray  # (n,) float64 its probability as it was served
    labels: np.ndarray  # (n,) int64
    flagged: np.ndarray  # (n,) bool
    classes: int  # how many answers the task has

    @property
    def right(self) -> np.ndarray:
        """Whether they are right, (n,) bool."""
        return self.predicted == self.labels


def judged(answers: Sequence[Answered], names: Sequence[str]) -> Judged:
    """Return the answers as arrays; `names` are the task's answers in its order."""
    found = [answered.prediction for answered in answers]
    return Judged(
        predicted=np.array([names.index(prediction.label) for prediction in found]),
        confidence=np.array([prediction.confidence for prediction in found]),
        labels=np.array([names.index(answered.row.label) for answered in answers]),
        flagged=np.array([prediction.flagged for prediction in found]),
        classes=len(names),
    )


def before_calibration(
    answers: Sequence[Answered], names: Sequence[str], scalings: Mapping[str, TemperatureScaling]
) -> Judged:
    """Return the answers as they were before calibration; those to unfamiliar input stay near an even guess."""
    confidence = [_raw_confidence(answered.prediction, scalings) for answered in answers]
    return replace(judged(answers, names), confidence=np.array(confidence))


def _raw_confidence(prediction: Prediction, scalings: Mapping[str, TemperatureScaling]) -> float:
    scaling = scalings.get(sidecar.subset(prediction.modalities), UNSCALED)
    served = np.array(list(prediction.labelled.shares.values()))  # (answers,)
    raw = softmax(scaling.undone(np.log(served.clip(TINY))))
    named = dict(zip(prediction.labelled.shares, map(float, raw), strict=True))
    spread = named.get(NONE_OF_THESE, 0.0) / len(prediction.probabilities) * (prediction.label != NONE_OF_THESE)
    return named[prediction.label] + spread


def values(found: Judged, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return every figure of a slice that has an interval, each (d,), for weights (d, n) of the samples."""
    counts = tallies(found, weights)
    sure = ~found.flagged
    return {
        "accuracy": metrics.accuracy(counts),
        "macro_precision": metrics.macro(metrics.precision(counts), counts),
        "macro_recall": metrics.macro(metrics.recall(counts), counts),
        "macro_f1": metrics.macro(metrics.f1(counts), counts),
        "ece": metrics.ece(found.confidence, found.right, weights),
        "aurc": metrics.aurc(found.confidence, found.right, weights),
        "flagged_share": weights @ found.flagged / weights.sum(axis=1),
        "error_unflagged": weights @ (sure & ~found.right) / (weights @ sure).clip(1),
    }


def tallies(found: Judged, weights: np.ndarray) -> metrics.Tallies:
    """Return the counts by class for weights (d, n)."""
    return metrics.tallies(found.labels, found.predicted, found.classes, weights)


def slice_of(found: Judged) -> Slice:
    """Return the figures of these answers with their intervals."""
    draw = np.random.default_rng(SEED)
    n = len(found.labels)
    figures = {name: float(value[0]) for name, value in values(found, metrics.once(n)).items()}
    drawn = values(found, metrics.resamples(n, draw))
    drawn["ece"] = _centred(drawn["ece"], figures["ece"])
    intervals = {name: metrics.interval(value) for name, value in drawn.items()}
    return Slice(n=n, **figures, ece_floor=metrics.ece_floor(found.confidence, draw), intervals=intervals)


def reliability(found: Judged) -> Reliability:
    """Return how far these confidences can be read, bin by bin."""
    draw, n = np.random.default_rng(SEED), len(found.labels)
    drawn = metrics.resamples(n, draw)
    error = float(metrics.ece(found.confidence, found.right, metrics.once(n))[0])
    errors = _centred(metrics.ece(found.confidence, found.right, drawn), error)
    return Reliability(
        ece=error,
        ece_floor=metrics.ece_floor(found.confidence, draw),
        intervals={"ece": metrics.interval(errors)},
        bins=_bins(found, drawn),
    )


def _bins(found: Judged, drawn: np.ndarray) -> tuple[Bin, ...]:
    count, promised, kept = (
        value[0] for value in metrics.bins(found.confidence, found.right, metrics.once(len(found.labels)))
    )
    counts, _, hits = metrics.bins(found.confidence, found.right, drawn)
    with np.errstate(invalid="ignore"):
        shares = hits / counts  # (d, b), NaN where a draw left a bin empty
    return tuple(
        Bin(int(count[i]), float(promised[i] / count[i]), float(kept[i] / count[i]), _interval(shares[:, i]))
        for i in np.flatnonzero(count)
    )


def _interval(shares: np.ndarray) -> Interval:
    return (0.0, 1.0) if np.isnan(shares).all() else metrics.interval(shares)


def _centred(drawn: np.ndarray, figure: float) -> np.ndarray:
    """Return bootstrapped calibration errors (d,) around the figure: drawing twice adds its noise to them twice."""
    return (drawn - drawn.mean() + figure).clip(0)
