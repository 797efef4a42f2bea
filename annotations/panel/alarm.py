"""Whether what is sent here still fits what thresholds were tested on: two tests, valid at whatever time; pure.

Each is a bet against the claim that nothing has changed. While that is true the bettor's wealth is a nonnegative
martingale, or less, that starts at 1, and the chance that it ever reaches 1 / a is at most a (Ville, "Étude critique de
la notion de collectif", 1939). So an alarm at that wealth is false with a chance of at most a, however often and
however long it is looked at.

*Errors*: no more than the promised share of the answers that go out unasked is wrong. Each checked answer is bet on
with the likelihood ratio of a larger share against the promised one (Waudby-Smith and Ramdas, "Estimating means of
bounded random variables by betting", JRSS B 86, 2024; of risks that are watched: Podkopaev and Ramdas, "Tracking the
risk of a deployed model and detecting harmful distribution shifts", ICLR 2022).

*Inputs*: the samples came in any order as well as in this one. The p-value of each is the rank of its doubt among those
with the same modalities so far; they are then independent and uniform, and powers of them are bet on (Vovk, Nouretdinov
and Gammerman, "Testing exchangeability on-line", ICML 2003). Small and large ones are bet on, since inputs of which a
model is surer than ever fit no better.

A bet that began long before a change has lost by then. So half of the wealth begins at the first sample, and the rest
at later ones, in steps; what has not begun keeps its worth, and the sum is such a martingale as well.

Letters of the shapes: n samples in the order in which they were learned of, k bets.
"""

from __future__ import annotations

import bisect
from collections.abc import Hashable, Sequence

import numpy as np

FALSE_ERRORS, FALSE_INPUTS = 0.04, 0.01  # chances of a false alarm, as long as a threshold serves: 5 % together
_HIGHER = (0.05, 0.1, 0.2, 0.4)  # shares of wrong answers that are bet on, above the promised one
_POWERS = (0.2, 0.5, 0.8)  # of p-values
_FIRST = 0.5  # of the wealth, that begins at the first sample
_STEP = 25  # samples between two later beginnings


def errors(wrong: np.ndarray, promised: float) -> np.ndarray:
    """Return the wealth (n,) after each checked answer, of which `wrong` (n,) bool, against the share `promised`."""
    higher = np.array([promised + min(more, (1 - promised) / 2) for more in _HIGHER])
    gains, losses = np.log(higher / promised), np.log((1 - higher) / (1 - promised))
    return _wealth(np.where(np.asarray(wrong, bool)[:, None], gains, losses))


def inputs(doubts: Sequence[float], ties: Sequence[float], groups: Sequence[Hashable], known: int) -> np.ndarray:
    """Return the wealth after each sample behind the first `known` ones, which are taken as they are: (n - known,).

    `doubts` say how unsure the answers are, `ties` in [0, 1), as if at random, parts equal ones; samples of one group
    are compared.
    """
    p = p_values(doubts, ties, groups)[known:, None]
    powers = np.array(_POWERS)
    both = np.concatenate([np.log(powers) + (powers - 1) * np.log(side) for side in (p, 1 - p)], axis=1)
    return _wealth(both)


def p_values(doubts: Sequence[float], ties: Sequence[float], groups: Sequence[Hashable]) -> np.ndarray:
    """Return for each sample the share of those so far that are doubted more, itself one of them: (n,) in (0, 1)."""
    so_far: dict[Hashable, list[float]] = {}
    p = np.empty(len(doubts))
    for place, (doubt, tie, group) in enumerate(zip(doubts, ties, groups, strict=True)):
        ordered = so_far.setdefault(group, [])
        bisect.insort(ordered, doubt)
        left, right = bisect.bisect_left(ordered, doubt), bisect.bisect_right(ordered, doubt)
        p[place] = (len(ordered) - right + tie * (right - left)) / len(ordered)
    return np.clip(p, 1e-9, 1 - 1e-9)


def reached(wealth: np.ndarray, chance: float) -> bool:
    """Say whether there is an alarm that is false with at most this chance."""
    return bool(len(wealth)) and bool(wealth.max() >= 1 / chance)


def _wealth(log_bets: np.ndarray) -> np.ndarray:
    """Return what bets (n, k) make of 1, those that begin later included: (n,)."""
    n = len(log_bets)
    summed = np.concatenate([np.zeros((1, log_bets.shape[1])), np.cumsum(log_bets, axis=0)])  # (n + 1, k)
    wealth, left = np.zeros(n), 1.0
    for number, start in enumerate(range(0, max(n, 1), _STEP)):
        share = (1 - _FIRST) / (number * (number + 1)) if number else _FIRST
        grown = np.exp(np.minimum(summed[start + 1 :] - summed[start], 500)).mean(axis=1)
        wealth += share * np.concatenate([np.ones(min(start, n)), grown])
        left -= share
    return wealth + left
