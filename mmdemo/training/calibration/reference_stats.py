"""Statistics of what a model learned from, and the distance up to which an input is usual: fitted by leaving out.

A fit to fifty samples in a hundred dimensions lies close to those fifty, and far from all others of their kind. So the
covariance of few is shrunk (Ledoit and Wolf, "A well-conditioned estimator for large-dimensional covariance matrices",
Journal of Multivariate Analysis 2004), and limits come from distances of samples that the statistics have not seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats
from sklearn.covariance import ledoit_wolf_shrinkage

from mmdemo.checks.out_of_distribution import ReferenceStats, distance

MANY = 1000  # samples whose covariance stays as it is: shrinking would hide directions in which next to nothing varies
DIRECTIONS = 32  # at most; what varies beyond them is one rest
QUANTILE = 0.99  # share of unseen samples like the training's that a limit lets through
SURE = 0.95  # how likely it lets through no fewer, where it is extrapolated
TAIL = 5  # samples beyond the quantile, from which on it is counted; where there are fewer, it is extrapolated
FEWEST = 24  # samples of a modality that carry a limit; what is unlike fewer, nobody can tell
ENOUGH = 100  # samples set aside that carry one by themselves
PARTS = 10  # in which samples are left out in turn


@dataclass(frozen=True)
class Reference:
    """What serving compares the samples of one modality with."""

    stats: ReferenceStats
    limit: float | None  # distance above which a sample is strange; None where too few samples carry none
    samples: int  # that the statistics were fitted on


def fit_references(train: Mapping[str, np.ndarray], aside: Mapping[str, np.ndarray]) -> dict[str, Reference]:
    """Return by modality what features (n, d) of the samples that were trained on, and of those set aside, tell.

    Encoders pull together what they learn from, so that samples set aside tell more; few of them tell too little alone.
    """
    return {name: _reference(features, aside.get(name, features[:0])) for name, features in train.items()}


def _reference(train: np.ndarray, aside: np.ndarray) -> Reference:
    fitted = fit(train)
    if len(train) < FEWEST:
        return Reference(fitted, None, len(train))
    unseen = distance(fitted, aside)
    if len(aside) < ENOUGH:
        unseen = np.concatenate([unseen, left_out_distances(train)])
    return Reference(fitted, limit(unseen), len(train))


def fit(features: np.ndarray) -> ReferenceStats:
    """Return the statistics of features (n, d) float of the training samples."""
    features = np.asarray(features, np.float64)
    n, d = features.shape
    mean = features.mean(axis=0)
    _, lengths, directions = np.linalg.svd(features - mean, full_matrices=False)  # (min(n, d),), (min(n, d), d)
    variances = np.zeros(d)  # of all directions, those in which nothing varies too
    variances[: len(lengths)] = np.square(lengths) / max(1, n - 1)
    # A share, which rounding may leave below 0.
    shrinkage = max(0.0, float(ledoit_wolf_shrinkage(features))) if 1 < n < MANY else 0.0
    variances = (1 - shrinkage) * variances + shrinkage * variances.mean()
    k = min(DIRECTIONS, len(lengths))
    scale = np.sqrt([*variances[:k], variances[k:].sum()])  # (k + 1,)
    scale = np.maximum(scale, 1e-3 * max(float(scale[0]), 1e-6))
    return ReferenceStats(mean.astype(np.float32), directions[:k].astype(np.float32), scale.astype(np.float32))


def left_out_distances(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the distance (n,) of each of the features (n, d) from statistics of the others, n > 1.

    They are left out in PARTS parts, or one by one where they are fewer.
    """
    turn = np.random.default_rng(seed).permutation(len(features)) % min(PARTS, len(features))  # (n,)
    distances = np.zeros(len(features))
    for part in np.unique(turn):
        distances[turn == part] = distance(fit(features[turn != part]), features[turn == part])
    return distances


def limit(distances: np.ndarray, quantile: float = QUANTILE) -> float:
    """Return what `quantile` of further samples stay under, from distances (n,) of unseen but usual ones, n > 1.

    It is counted where enough lie beyond it. Of fewer, the logarithms are taken as normal, and their one-sided
    tolerance limit (Meeker, Hahn and Escobar, "Statistical Intervals", 2017, section 4.6.3) is the wider, the fewer
    they are.
    """
    counted, n = float(np.quantile(distances, quantile)), len(distances)
    if n * (1 - quantile) >= TAIL:
        return round(counted, 4)
    logs = np.log(np.maximum(distances, 1e-12))
    factor = stats.nct.ppf(SURE, n - 1, stats.norm.ppf(quantile) * np.sqrt(n)) / np.sqrt(n)
    return round(max(counted, float(np.exp(logs.mean() + factor * logs.std(ddof=1)))), 4)
