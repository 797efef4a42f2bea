"""Answers beside what is right, as arrays, and the figures of any part of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmdemo import answers as kinds
from mmdemo.evaluation import metrics
from mmdemo.evaluation.answers import PredictedRow
from mmdemo.tasks import Task
from mmdemo.values.results import Bin, Interval, Reliability, SliceMetrics

SEED = 0  # of the bootstrap and the floor: the same predictions give the same figures

Own = Callable[[Any, np.ndarray], dict[str, np.ndarray]]  # what is judged, weights (d, n) → name → (d,)


@dataclass(frozen=True)
class Judged:
    """Answers beside what is right, row by row."""

    right: np.ndarray  # (n,) bool whether the loss lies within the task's tolerance
    losses: np.ndarray  # (n,) float64 how wrong each is, by its kind
    confidence: np.ndarray  # (n,) float64 as it was served
    flagged: np.ndarray  # (n,) bool


def judged(task: Task, answers: Sequence[PredictedRow]) -> Judged:
    """Return the answers as arrays."""
    kind = kinds.KINDS[task.kind]
    pairs = [(answered.prediction, answered.row.label) for answered in answers]
    losses = np.array([kind.loss(task, prediction.label, right) for prediction, right in pairs], dtype=np.float64)
    return Judged(
        right=losses <= kind.tolerance(task),
        losses=losses,
        confidence=np.array([prediction.confidence for prediction, _ in pairs]),
        flagged=np.array([prediction.flagged for prediction, _ in pairs]),
    )


def mean_loss(outcomes: Judged, weights: np.ndarray) -> dict[str, np.ndarray]:
    """Return the mean loss, (d,), for weights (d, n) of the samples."""
    return {"loss": weights @ outcomes.losses / weights.sum(axis=1)}


def values(outcomes: Judged, weights: np.ndarray, own: Own) -> dict[str, np.ndarray]:
    """Return every figure of a slice that has an interval, each (d,), for weights (d, n); `own` are the kind's."""
    sure = ~outcomes.flagged
    return {
        "accuracy": weights @ outcomes.right / weights.sum(axis=1),
        **own(outcomes, weights),
        "ece": metrics.ece(outcomes.confidence, outcomes.right, weights),
        "aurc": metrics.aurc(outcomes.confidence, outcomes.right, weights),
        "flagged_share": weights @ outcomes.flagged / weights.sum(axis=1),
        "error_unflagged": weights @ (sure & ~outcomes.right) / (weights @ sure).clip(1),
    }


def slice_of(outcomes: Judged, own: Own) -> SliceMetrics:
    """Return the figures of these answers with their intervals; `own` are the kind's."""
    draw = np.random.default_rng(SEED)
    n = len(outcomes.right)
    once = metrics.once(n)
    figures = {name: float(value[0]) for name, value in values(outcomes, once, own).items()}
    drawn = values(outcomes, metrics.resamples(n, draw), own)
    drawn["ece"] = _centred(drawn["ece"], figures["ece"])
    return SliceMetrics(
        n=n,
        own={name: figures.pop(name) for name in own(outcomes, once)},
        **figures,
        ece_floor=metrics.ece_floor(outcomes.confidence, draw),
        intervals={name: metrics.interval(value) for name, value in drawn.items()},
    )


def reliability(outcomes: Judged) -> Reliability:
    """Return how far these confidences can be read, bin by bin."""
    draw, n = np.random.default_rng(SEED), len(outcomes.right)
    drawn = metrics.resamples(n, draw)
    error = float(metrics.ece(outcomes.confidence, outcomes.right, metrics.once(n))[0])
    errors = _centred(metrics.ece(outcomes.confidence, outcomes.right, drawn), error)
    return Reliability(
        ece=error,
        ece_floor=metrics.ece_floor(outcomes.confidence, draw),
        intervals={"ece": metrics.interval(errors)},
        bins=_bins(outcomes, drawn),
    )


def _bins(outcomes: Judged, drawn: np.ndarray) -> tuple[Bin, ...]:
    count, promised, kept = (
        value[0] for value in metrics.bins(outcomes.confidence, outcomes.right, metrics.once(len(outcomes.right)))
    )
    counts, _, hits = metrics.bins(outcomes.confidence, outcomes.right, drawn)
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
