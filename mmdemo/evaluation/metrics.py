"""Figures from probabilities and labels; pure. Nothing here knows a model.

Letters of the shapes: n samples, k classes, d draws. Counting follows scikit-learn (0 where a class was never
predicted); expected calibration error after Naeini et al. 2015 and Guo et al. 2017, equation 3.
"""

import numpy as np

BINS = 15  # equal-width, of the confidence of the predicted class
DRAWS = 1000  # of the bootstrap, and of labels for the floor of the calibration error
COVERED = (2.5, 97.5)  # percentiles: a 95 % interval


def confusion(labels: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Return counts (..., k, k), true class by predicted class, of labels and predictions (..., n)."""
    cells = labels * classes + predicted
    lead = cells.shape[:-1]
    flat = cells.reshape(-1, cells.shape[-1])
    offset = np.arange(len(flat))[:, None] * classes * classes
    counts = np.bincount((flat + offset).ravel(), minlength=len(flat) * classes * classes)
    return counts.reshape(*lead, classes, classes)


def accuracy(counts: np.ndarray) -> np.ndarray:
    """Return the share of right answers (...) of counts (..., k, k)."""
    return np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1)).clip(1)


def f1(counts: np.ndarray) -> np.ndarray:
    """Return F1 a class (..., k) of counts (..., k, k)."""
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    return 2 * right / (counts.sum(axis=-1) + counts.sum(axis=-2)).clip(1)


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Return the mean F1 (...) over the classes that occur or were predicted, as scikit-learn's default does."""
    occurs = (counts.sum(axis=-1) + counts.sum(axis=-2)) > 0
    return f1(counts).sum(axis=-1) / occurs.sum(axis=-1).clip(1)


def ece(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Return the expected calibration error in [0, 1] of probabilities (n, k) and labels (n,)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    return float(_gaps(confidence, right[None].astype(float), bins)[0])


def ece_floor(probabilities: np.ndarray, draw: np.random.Generator, draws: int = DRAWS, bins: int = BINS) -> float:
    """Return the mean calibration error where labels are drawn from `probabilities` (n, k) themselves.

    So small a sample can't show a smaller error, however honest the model.
    """
    confidence = probabilities.max(axis=1)
    right = draw.random((draws, len(confidence))) < confidence  # the predicted class comes true as often as promised
    return float(_gaps(confidence, right.astype(float), bins).mean())


def resamples(n: int, draw: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Return indices (d, n) of bootstrap samples."""
    return draw.integers(0, n, size=(draws, n))


def interval(values: np.ndarray) -> tuple[float, float]:
    """Return the 95 % percentile interval of bootstrapped values (d,)."""
    low, high = np.percentile(values, COVERED)
    return float(low), float(high)


def _gaps(confidence: np.ndarray, right: np.ndarray, bins: int) -> np.ndarray:
    """Return errors (d,): |confidence − accuracy| summed over bins, weighted by their share; `right` is (d, n)."""
    # Bins are closed above: a confidence of exactly 1 belongs to the last.
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    member = np.eye(bins)[place]  # (n, bins)
    return np.abs((right - confidence) @ member).sum(axis=1) / len(confidence)
