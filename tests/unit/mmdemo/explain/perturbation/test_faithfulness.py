"""Curves, areas and coefficients of maps over a game that fits on paper."""

from collections.abc import Collection, Sequence

import numpy as np
import pytest
from scipy.stats import spearmanr

from mmdemo.explain.perturbation import faithfulness
from mmdemo.explain.perturbation.deletion import SHARES

WORTH = [0.01, 0.07, 0.02, 0.2, 0.03, 0.05, 0.04, 0.06, 0.08, 0.3, 0.002, 0.1]  # what each unit adds to 0.03


def worth(groups: Sequence[Collection[int]]) -> np.ndarray:
    """Judge a game in which each unit has its worth, whatever else is there."""
    return np.array([0.03 + sum(WORTH) - sum(WORTH[unit] for unit in group) for group in groups])


def ranked(scores: Sequence[float]) -> list[int]:
    """Return units with these scores, highest first."""
    return sorted(range(len(scores)), key=lambda unit: -scores[unit])


REVERSED = [-score for score in WORTH]
BEST, WORST = ranked(WORTH), ranked(REVERSED)


def test_deletion_takes_the_first_first() -> None:
    curve = faithfulness.deletion_curves(worth, [BEST])[0]
    assert len(curve) == len(SHARES) and curve[0] == pytest.approx(sum(WORTH) + 0.03)
    assert curve[1] == pytest.approx(curve[0] - 0.3 - 0.2 - 0.1) and curve[-1] == pytest.approx(0.03)


def test_insertion_brings_the_first_first() -> None:
    curve = dict(zip(faithfulness.RETURNED, faithfulness.insertion_curves(worth, [BEST])[0], strict=True))
    assert curve[0] == pytest.approx(0.03) and curve[100] == pytest.approx(0.03 + sum(WORTH))
    assert curve[25] == pytest.approx(0.03 + 0.3 + 0.2 + 0.1)


def test_the_best_order_has_the_smallest_area_and_the_worst_the_largest() -> None:
    draw = np.random.default_rng(0)
    orders = [BEST, WORST, *([BEST[i] for i in draw.permutation(len(BEST))] for _ in range(50))]
    areas = faithfulness.area(faithfulness.deletion_curves(worth, orders))
    assert areas.argmin() == 0 and areas.argmax() == 1
    inserted = faithfulness.area(faithfulness.insertion_curves(worth, orders), faithfulness.RETURNED)
    assert inserted.argmax() == 0 and inserted.argmin() == 1


def test_an_area_is_the_mean_probability_along_the_way() -> None:
    curves = np.stack([np.full(len(SHARES), 0.4), 1 - np.array(SHARES) / 100])
    assert faithfulness.area(curves) == pytest.approx([0.4, 0.5])


def test_saco_is_one_for_the_true_order_and_minus_one_for_its_reverse() -> None:
    assert faithfulness.saco(worth, [BEST[:10], WORST[2:]], [WORTH, REVERSED]) == pytest.approx([1, -1])


def test_saco_weighs_a_pair_by_the_difference_of_its_scores() -> None:
    swapped = [*WORTH[:3], 0.0, *WORTH[4:]]  # the second most important is called the least
    units = ranked(swapped)[:9] + ranked(swapped)[-1:]
    expected = 0.0
    total = 0.0
    for first, higher in enumerate(units):
        for lower in units[first + 1 :]:
            weight = swapped[higher] - swapped[lower]
            total += weight
            expected += weight if WORTH[higher] >= WORTH[lower] else -weight
    assert faithfulness.saco(worth, [units], [swapped])[0] == pytest.approx(expected / total)


@pytest.mark.slow
def test_saco_of_random_scores_is_zero_on_average() -> None:
    draw = np.random.default_rng(0)
    maps = [draw.random(len(WORTH)).tolist() for _ in range(2_000)]
    assert faithfulness.saco(worth, list(map(ranked, maps)), maps).mean() == pytest.approx(0, abs=0.04)


def test_saco_of_a_constant_map_or_of_one_unit_is_zero() -> None:
    constant = [1.0] * len(WORTH)
    coefficients = faithfulness.saco(worth, [ranked(constant), BEST[:1], []], [constant, WORTH, WORTH])
    assert coefficients == pytest.approx([0, 0, 0])


def test_rank_correlation_is_spearmans() -> None:
    others = [0.3, 0.1, 0.1, 0.7, 0.0, 0.2]
    assert faithfulness.rank_correlation(WORTH[:6], others) == pytest.approx(spearmanr(WORTH[:6], others).statistic)
    even = [0.1, 0.1, -0.3, 0.1, -0.3, 0.7]
    assert faithfulness.rank_correlation(WORTH[:6], even) == pytest.approx(spearmanr(WORTH[:6], even).statistic)


@pytest.mark.parametrize("scores", [[1.0, 2.0], [3.0, 3.0, 3.0], []])
def test_rank_correlation_is_not_defined_for_few_or_constant_scores(scores: list[float]) -> None:
    assert np.isnan(faithfulness.rank_correlation(scores, WORTH[: len(scores)]))
