"""Thresholds that keep a promise: of the answers above one, at most a share is wrong, with the confidence asked for.

Learn then test (Angelopoulos, Bates, Candès, Jordan and Lei, "Learn then Test: Calibrating Predictive Algorithms to
Achieve Risk Control", 2021): every threshold of a grid is a hypothesis, "more than `error` of the answers from here up
are wrong", and the lowest threshold whose hypothesis is rejected serves. The grid is laid down by the promise alone,
never picked from data. Given how many samples lie above a threshold, the wrong ones among them are binomial, so its
p-value is an exact tail of the binomial distribution, and what is promised is the error among what goes out unasked,
not among all that is asked.

The thresholds are tested one behind another, from high to low, each at the whole level as long as the one before was
rejected (fixed-sequence testing: Bauer, "Multiple testing in clinical trials", Statistics in Medicine 10, 1991). Where
a model is calibrated, the answers at a confidence of 1 - `error` are wrong as often as promised and those above less
often, so most of the level starts there. Since it may not be, small parts start above and below, and what a start has
left goes on to the next one (the fallback procedure: Wiens and Dmitrienko, "The fallback procedure for evaluating a
single family of hypotheses", Journal of Biopharmaceutical Statistics 15, 2005). Nothing is assumed of how errors fall
with confidence. Nothing here knows a model.

Letters of the shapes: n samples, g thresholds of the grid.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy  # whose parts load when they are first asked for

from mmdemo.values.promise import Promise, PromiseOutcome, SubsetPromise

STEP = 0.01  # between two thresholds
STARTS = {0.5: 0.1, 1.0: 0.7, 2.0: 0.1, 4.0: 0.1}  # what 1 less a threshold is, in errors → its share of the level
MOST = 1_000_000  # samples, above which nobody is asked for more


@dataclass(frozen=True)
class Outcomes:
    """Answers to independent samples that trained nothing and to which nothing was fitted."""

    confidence: np.ndarray  # (n,) float64 in [0, 1], or NEVER
    wrong: np.ndarray  # (n,) bool


def interval(wrong: int, n: int, sure: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share, as wide as few samples make it (Clopper and Pearson, Biometrika 1934)."""
    tail = (1 - sure) / 2
    low = float(scipy.special.betaincinv(wrong, n - wrong + 1, tail)) if wrong else 0.0
    high = float(scipy.special.betaincinv(wrong + 1, n - wrong, 1 - tail)) if wrong < n else 1.0
    return low, high


def wilson(right: int, n: int, sure: float = 0.95) -> tuple[float, float]:
    """Return the score interval of a share (Wilson, JASA 1927), where nothing is promised by it."""
    z2, share = scipy.special.ndtri((1 + sure) / 2) ** 2, right / n
    centre, reach = share + z2 / (2 * n), math.sqrt(z2 * (share * (1 - share) + z2 / (4 * n)) / n)
    low, high = ((centre + side * reach) / (1 + z2 / n) for side in (-1, 1))
    return float(low) if right else 0.0, float(high) if right < n else 1.0


def p_values(accepted: np.ndarray, wrong: np.ndarray, error: float) -> np.ndarray:
    """Return how likely no more wrong ones among those accepted are where more than `error` of them are; all (g,)."""
    return np.where(accepted > 0, scipy.special.bdtr(wrong, np.maximum(accepted, 1), error), 1.0)


def grid(error: float) -> np.ndarray:
    """Return the thresholds (g,) that are tested for a promise, the highest first."""
    starts = [max(0.0, 1 - reach * error) for reach in STARTS]
    return np.unique(np.round([*starts, *np.arange(0, max(starts), STEP)], 4))[::-1]


def budgets(error: float, level: float) -> np.ndarray:
    """Return each threshold's own share of the level, (g,)."""
    thresholds, shares = grid(error), np.zeros(len(grid(error)))
    for reach, share in STARTS.items():
        shares[np.argmin(np.abs(thresholds - max(0.0, 1 - reach * error)))] += share * level
    return shares


def rejected(p: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Return which hypotheses (g,) fall, of their p-values and own shares of the level, both in the order of testing.

    With the whole level at the first one this is fixed-sequence testing.
    """
    results, kept = np.zeros(len(p), bool), 0.0
    for index, (value, share) in enumerate(zip(p, shares, strict=True)):
        level = share + kept
        results[index] = value <= level
        kept = level if results[index] else 0.0
    return results


def counts(outcomes: Outcomes, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how many answers are at or above each threshold, and how many of these are wrong; both (g,)."""
    order = np.argsort(-outcomes.confidence, kind="stable")
    accepted = np.searchsorted(-outcomes.confidence[order], -thresholds, side="right")
    return accepted, np.concatenate([[0], np.cumsum(outcomes.wrong[order])])[accepted]


def fewest(error: float, level: float, rate: float = 0.0) -> int | None:
    """Return how many accepted samples show the promise kept where the share `rate` of them is wrong.

    None where no number does, or none that anybody could label.
    """
    if rate >= error:
        return None
    n = max(1, math.ceil(math.log(level) / math.log1p(-error)))
    while scipy.special.bdtr(math.ceil(rate * n), n, error) > level:
        n += max(1, n // 100)
        if n > MOST:
            return None
    return n


def fit(outcomes: Mapping[str, Outcomes], promise: Promise, subsets: Sequence[str]) -> dict[str, SubsetPromise]:
    """Return what can be promised of each of `subsets`, of all that may be asked; all of it holds at once.

    The level is split evenly between them (Bonferroni), since any mixture of them may be what visitors send.
    """
    none = Outcomes(np.zeros(0), np.zeros(0, bool))
    level = (1 - promise.sure) / len(subsets)
    return {name: fit_one(outcomes.get(name, none), promise.error, level) for name in subsets}


def fit_one(outcomes: Outcomes, error: float, level: float) -> SubsetPromise:
    """Return the lowest threshold that keeps the promise but with probability `level`, or why there is none."""
    thresholds, shares, n = grid(error), budgets(error, level), len(outcomes.wrong)
    accepted, wrong = counts(outcomes, thresholds)
    passed = np.flatnonzero(rejected(p_values(accepted, wrong, error), shares))
    if len(passed):
        last = passed[-1]
        return SubsetPromise(PromiseOutcome.STANDS, n, float(thresholds[last]), int(accepted[last]), int(wrong[last]))
    starts = np.flatnonzero(shares)
    missing = _missing(n, accepted[starts], wrong[starts], shares[starts], error)
    return SubsetPromise(PromiseOutcome.NONE if missing is None else PromiseOutcome.TOO_FEW, n, missing=missing or 0)


def _missing(n: int, accepted: np.ndarray, wrong: np.ndarray, levels: np.ndarray, error: float) -> int | None:
    """Return how many samples more would do if errors stay as they are; None where they speak against the promise.

    `accepted`, `wrong` and `levels` are those of the starts. Fewer than any promise takes speak against none.
    """
    least = [fewest(error, level) or MOST for level in levels]
    if n < min(least):
        return min(least) - n
    judged = accepted >= least
    if judged.any() and (wrong[judged] >= error * accepted[judged]).all():
        return None
    totals = [
        math.ceil(needed * n / there)
        for there, bad, level in zip(accepted, wrong, levels, strict=True)
        if there and (needed := fewest(error, level, bad / there)) is not None
    ]
    if not judged.any() and not totals:  # too few are accepted for any rate of errors to be judged by
        totals = [math.ceil(enough * n / there) for enough, there in zip(least, accepted, strict=True) if there]
    more = min(totals, default=MOST) - n
    return max(1, more) if more < MOST - n else None
