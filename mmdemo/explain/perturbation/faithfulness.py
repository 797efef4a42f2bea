"""How much a map is worth: what taking away what it calls important does to the answer.

Figures of one sample each; perturbers.py asks the model. Orders are of units, counted as their layout does.
Letters of the shapes: m maps, s shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from mmdemo.explain.perturbation import deletion
from mmdemo.explain.perturbation.deletion import SHARES
from mmdemo.explain.perturbation.perturbers import Judge

RETURNED = tuple(100 - share for share in reversed(SHARES))  # per cent of the units that are back, step by step
GROUPS = 10  # of SaCo
FEWEST = 3  # units: with fewer, a rank correlation says nothing


def deletion_curves(judge: Judge, orders: Sequence[Sequence[int]], shares: Sequence[int] = SHARES) -> np.ndarray:
    """Return the target's probability (m, s) while the units of each order go, the first first (Samek et al. 2017).

    `shares` are per cent of the order that is gone. The lower the curve, the more the first units mattered.
    """
    counted = [(order, count) for order in orders for count in deletion.counts(len(order), shares)]
    return judge([order[:count] for order, count in counted]).reshape(len(orders), len(shares))


def insertion_curves(judge: Judge, orders: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the probability (m, s) while RETURNED units come back, the first first (Petsiuk et al. 2018, RISE).

    It is the curve of deletion from the other end, read backwards. The higher, the more the first units are enough.
    """
    return deletion_curves(judge, [order[::-1] for order in orders])[:, ::-1]


def area(curves: np.ndarray, shares: Sequence[int] = SHARES) -> np.ndarray:
    """Return the areas (m,) under curves (m, s) in [0, 1]: the mean probability along the way, by trapezoids."""
    return np.trapezoid(curves, np.array(shares) / 100, axis=1)


def saco(judge: Judge, orders: Sequence[Sequence[int]], scores: Sequence[Sequence[float]]) -> np.ndarray:
    """Return the Salience-guided Faithfulness Coefficient (m,) in [-1, 1] of maps, their units highest first.

    `scores` has for each map one score a unit of the sample, those that are not in its order too.
    Wu et al. 2024 (arXiv 2404.01415), algorithm 1: units go by rank into GROUPS groups; each pair of groups counts by
    the difference of its scores, for the map where the higher group's loss is not the smaller one, else against it.
    Scores are means, since groups may differ by a unit. A map without differences has 0.
    """
    cut = [_groups(order) for order in orders]
    whole = float(judge([[]])[0])
    lost = iter(whole - judge([group for groups in cut for group in groups]))
    coefficients = []
    for groups, own in zip(cut, scores, strict=True):
        salience = np.array([np.mean([own[unit] for unit in group]) for group in groups])
        coefficients.append(_coefficient(salience, np.array([next(lost) for _ in groups])))
    return np.array(coefficients)


def rank_correlation(scores: Sequence[float], others: Sequence[float]) -> float:
    """Return Spearman's rank correlation of two maps of the same units, NaN where one is constant or they are short."""
    if len(scores) < FEWEST:
        return float("nan")
    ranks = np.stack([_ranks(scores), _ranks(others)])  # (2, units)
    return float("nan") if (ranks.std(axis=1) == 0).any() else float(np.corrcoef(ranks)[0, 1])


def _ranks(scores: Sequence[float]) -> np.ndarray:
    """Return the ranks (units,) from 1 on; even scores share the mean of theirs."""
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[places]


def _groups(order: Sequence[int]) -> list[Sequence[int]]:
    """Return at most GROUPS runs of the order; where sizes differ, the larger ones are spread over all ranks."""
    groups = min(GROUPS, len(order))
    edges = [round(len(order) * number / groups) for number in range(groups + 1)] if groups else []
    return [order[first:last] for first, last in pairwise(edges)]


def _coefficient(salience: np.ndarray, lost: np.ndarray) -> float:
    """Return one map's coefficient, of its groups' mean scores (groups,) and of what is lost without each of them."""
    higher, lower = np.triu_indices(len(salience), k=1)
    weight = salience[higher] - salience[lower]  # ≥ 0: groups stand by rank
    agrees = lost[higher] >= lost[lower]
    total = weight.sum()
    return float(np.where(agrees, weight, -weight).sum() / total) if total > 0 else 0.0
