"""Figures from probabilities and labels; pure. Nothing here knows a model.

Letters of the shapes: n samples, k classes, d draws, b bins, p places. `weights` (d, n) float64 say how often each
sample counts: `once` for the figure itself, `resamples` for the bootstrap, so that a figure and its thousand draws are
one product of matrices. Counting follows scikit-learn (0 where a class was never predicted).
"""

from typing import NamedTuple

import numpy as np

BINS = 15  # equal-width, of the confidence of the predicted class
DRAWS = 1000  # of the bootstrap, and of labels for the floor of the calibration error
COVERED = (2.5, 97.5)  # percentiles: a 95 % interval


class Tallies(NamedTuple):
    """Counts by class, each (d, k)."""

    right: np.ndarray  # samples of the class that were predicted as it
    true: np.ndarray  # samples of the class
    predicted: np.ndarray  # samples predicted as the class


def once(n: int) -> np.ndarray:
    """Return the weights (1, n) of the samples as they are."""
    return np.ones((1, n))


def resamples(n: int, draw: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Return the weights (d, n) of bootstrap samples: how often each was drawn."""
    drawn = draw.integers(0, n, size=(draws, n)) + np.arange(draws)[:, None] * n
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % percentile interval of bootstrapped values (d,); those that are not defined (NaN) don't count."""
    low, high = np.nanpercentile(values, COVERED)
    return float(low), float(high)


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts (k, k), true class by predicted class, of labels and predictions (n,)."""
    return np.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)


def tallies(labels: np.ndarray, predicted: np.ndarray, classes: int, weights: np.ndarray) -> Tallies:
    """Return what the figures of classes are made of, from labels and predictions (n,)."""
    true, answered = np.eye(classes)[labels], np.eye(classes)[predicted]  # (n, k)
    return Tallies(*np.split(weights @ np.concatenate([true * answered, true, answered], axis=1), 3, axis=1))


def accuracy(counts: Tallies) -> np.ndarray:
    """Return the share of right answers (d,)."""
    return counts.right.sum(axis=1) / counts.true.sum(axis=1).clip(1)


def precision(counts: Tallies) -> np.ndarray:
    """Return the share of right answers among those that name the class (d, k)."""
    return counts.right / counts.predicted.clip(1)


def recall(counts: Tallies) -> np.ndarray:
    """Return the share of the class's samples that were found (d, k)."""
    return counts.right / counts.true.clip(1)


def f1(counts: Tallies) -> np.ndarray:
    """Return F1 by class (d, k)."""
    return 2 * counts.right / (counts.true + counts.predicted).clip(1)


def macro(scores: np.ndarray, counts: Tallies) -> np.ndarray:
    """Return the mean (d,) of scores (d, k) over the classes that occur or were predicted, as scikit-learn does."""
    occurs = (counts.true + counts.predicted) > 0
    return (scores * occurs).sum(axis=1) / occurs.sum(axis=1).clip(1)


def bins(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return by bin, each (d, b): answers, the sum of their confidences, and how many of them are right.

    `confidence` (n,) in [0, 1] is that of the predicted class, `right` (n,) bool.
    """
    member = _membership(confidence)
    summed = np.concatenate([member, member * confidence[:, None], member * right[:, None]], axis=1)  # (n, 3 · b)
    count, promised, kept = np.split(weights @ summed, 3, axis=1)  # one product: the weights are what is large
    return count, promised, kept


def ece(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the expected calibration error (d,) in [0, 1] of the predicted class.

    Naeini et al. 2015; Guo et al. 2017, equation 3: |accuracy − confidence| of each bin, weighted by its share.
    """
    counts, promised, kept = bins(confidence, right, weights)
    return np.abs(kept - promised).sum(axis=1) / counts.sum(axis=1)


def ece_floor(confidence: np.ndarray, draw: np.random.Generator, draws: int = DRAWS) -> float:
    """Return the mean calibration error where each answer is right as often as its confidence (n,) says.

    So small a sample can't show a smaller error, however honest the model.
    """
    right = draw.random((draws, len(confidence))) < confidence
    return float(np.abs((right - confidence) @ _membership(confidence)).sum(axis=1).mean() / len(confidence))


def aurc(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the area under the risk–coverage curve (d,) in [0, 1]: the less, the more the surest can be trusted.

    Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", NeurIPS 2017: the share of wrong answers
    among the m surest, averaged over m = 1 … n. Equally sure answers count as if in random order: of a place with c
    answers before it, w of them wrong, the j-th answer sees the risk (w + j·r) / (c + j), where r is the place's own.
    """
    count, wrong = _by_place(confidence, right, weights)
    before, wrong_before = count.cumsum(axis=1) - count, wrong.cumsum(axis=1) - wrong
    own = wrong / count.clip(1)
    harmonic = np.concatenate([[0], np.cumsum(1 / np.arange(1, int(count.sum(axis=1).max()) + 1))])
    steps = harmonic[(before + count).astype(int)] - harmonic[before.astype(int)]  # (d, p) Σ 1 / (c + j)
    return (wrong + (wrong_before - own * before) * steps).sum(axis=1) / count.sum(axis=1)


def risk_coverage(confidence: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coverage (p,), the share of the answers that are at least so sure, and the share of wrong ones (p,)."""
    count, wrong = _by_place(confidence, right, once(len(right)))
    covered = count[0].cumsum()
    return covered / len(right), wrong[0].cumsum() / covered


def _membership(confidence: np.ndarray) -> np.ndarray:
    """Return (n, b): 1 where an answer belongs to a bin. Bins are closed above: certainty belongs to the last."""
    return np.eye(BINS)[np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)]


def _by_place(confidence: np.ndarray, right: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return answers and wrong answers (d, p) by place, surest first; equally sure answers share a place."""
    order = np.argsort(-confidence, kind="stable")
    starts = np.flatnonzero(np.diff(confidence[order], prepend=np.inf))
    ordered = weights[:, order]
    if len(starts) == len(order):  # no two are equally sure
        return ordered, ordered * ~right[order]
    return np.add.reduceat(ordered, starts, axis=1), np.add.reduceat(ordered * ~right[order], starts, axis=1)
