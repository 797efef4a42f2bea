"""Thresholds that keep a promise, on answers whose errors are known."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from mmdemo import thresholds
from mmdemo.thresholds import Outcomes
from mmdemo.values.promise import NEVER, Promise, PromiseOutcome

PROMISE = Promise(error=0.1, sure=0.95)
DRAWS = 1000


def calibrated(n: int, draw: np.random.Generator) -> Outcomes:
    """Answers of a calibrated model, a quarter of them wrong."""
    confidence = draw.beta(4, 1.3, n)
    return Outcomes(confidence, draw.random(n) > confidence)


def flat(n: int, draw: np.random.Generator) -> Outcomes:
    """Answers whose confidence says nothing: wherever a threshold stands, 10.1 % are wrong."""
    return Outcomes(draw.random(n), draw.random(n) < 0.101)


Population = Callable[[int, np.random.Generator], Outcomes]
SOME = calibrated(2000, np.random.default_rng(0))
MANY = calibrated(100_000, np.random.default_rng(0))
TRUE_ERROR: dict[Population, Callable[[float], float]] = {
    calibrated: lambda threshold: float(MANY.wrong[MANY.confidence >= threshold].mean()),
    flat: lambda threshold: 0.101,
}


def broken_by(population: Population, fit: Callable[[Outcomes], float | None]) -> tuple[int, int]:
    """How many of the draws have a threshold by `fit`, and at how many of these more are wrong than promised."""
    draw = np.random.default_rng(1)
    fitted = [fit(population(1000, draw)) for _ in range(DRAWS)]
    standing = [threshold for threshold in fitted if threshold is not None]
    return len(standing), sum(TRUE_ERROR[population](threshold) > PROMISE.error for threshold in standing)


def few_in_twenty(broken: int) -> bool:
    """Whether so many of DRAWS fit a probability of 5 %: three standard deviations of its noise are left."""
    return broken / DRAWS <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / DRAWS)


def by_fixed_sequence(some: Outcomes) -> float | None:
    fitted = thresholds.fit_one(some, PROMISE.error, 1 - PROMISE.sure)
    return fitted.threshold if fitted.outcome == PromiseOutcome.STANDS else None


def by_picking(some: Outcomes) -> float | None:
    """The lowest of the confidences at hand whose own test passes: a grid from the data, without correction."""
    picked = np.sort(some.confidence)[::-1]
    passed = picked[thresholds.p_values(*thresholds.counts(some, picked), PROMISE.error) <= 1 - PROMISE.sure]
    return float(passed[-1]) if len(passed) else None


@pytest.mark.parametrize("population", TRUE_ERROR)
def test_the_promise_is_broken_in_one_of_twenty_draws_at_most(population: Population) -> None:
    assert few_in_twenty(broken_by(population, by_fixed_sequence)[1])


def test_where_a_threshold_keeps_the_promise_one_is_fitted() -> None:
    assert broken_by(calibrated, by_fixed_sequence)[0] > 0.75 * DRAWS


def test_a_grid_that_is_picked_from_the_data_breaks_it() -> None:
    assert not few_in_twenty(broken_by(flat, by_picking)[1])


def test_a_p_value_is_the_binomial_tail() -> None:
    accepted, wrong = np.array([0, 40, 200]), np.array([0, 0, 11])
    expected = [1.0, binom.cdf(0, 40, 0.1), binom.cdf(11, 200, 0.1)]
    assert thresholds.p_values(accepted, wrong, 0.1) == pytest.approx(expected)


@pytest.mark.parametrize(("wrong", "n"), [(0, 20), (3, 20), (20, 20), (7, 200)])
def test_an_interval_is_that_of_clopper_and_pearson(wrong: int, n: int) -> None:
    expected = binomtest(wrong, n).proportion_ci(0.95, "exact")
    assert thresholds.interval(wrong, n) == pytest.approx((expected.low, expected.high))


def test_none_wrong_of_twenty_still_allows_a_sixth() -> None:
    assert thresholds.interval(0, 20)[1] == pytest.approx(0.168, abs=1e-3)


def test_the_grid_is_a_matter_of_the_promise_alone() -> None:
    grid = thresholds.grid(0.1)
    assert grid[0] == 0.95 and grid[-1] == 0.0 and (np.diff(grid) < 0).all()
    assert thresholds.budgets(0.1, 0.05).sum() == pytest.approx(0.05)
    assert thresholds.budgets(0.1, 0.05)[np.flatnonzero(grid == 0.9)] == pytest.approx(0.035)


@pytest.mark.parametrize("error", [0.001, 0.05, 0.33, 0.9])
def test_no_promise_spends_more_than_its_level(error: float) -> None:
    assert thresholds.budgets(error, 0.05).sum() == pytest.approx(0.05)
    assert thresholds.grid(error).min() == 0.0 and thresholds.grid(error).max() < 1


def test_a_fixed_sequence_stops_at_the_first_that_does_not_fall() -> None:
    p, whole = np.array([0.01, 0.04, 0.2, 0.001]), np.array([0.05, 0, 0, 0])
    assert thresholds.rejected(p, whole).tolist() == [True, True, False, False]


def test_what_a_start_has_left_goes_on_to_the_next() -> None:
    assert thresholds.rejected(np.array([0.01, 0.04]), np.array([0.025, 0.025])).tolist() == [True, True]
    assert thresholds.rejected(np.array([0.03, 0.04]), np.array([0.025, 0.025])).tolist() == [False, False]
    assert thresholds.rejected(np.array([0.03, 0.02]), np.array([0.025, 0.025])).tolist() == [False, True]


def test_answers_at_the_threshold_count_and_those_that_are_asked_for_never_do() -> None:
    outcomes = Outcomes(np.array([0.5, 0.9, NEVER, 0.9]), np.array([True, False, True, True]))
    accepted, wrong = thresholds.counts(outcomes, np.array([0.95, 0.9, 0.0]))
    assert (accepted.tolist(), wrong.tolist()) == ([0, 2, 3], [0, 1, 2])


def test_too_few_labels_is_another_sentence_than_none_that_keeps_it() -> None:
    few = Outcomes(np.full(20, 0.99), np.zeros(20, bool))
    wrong = Outcomes(np.full(500, 0.99), np.arange(500) % 4 == 0)
    assert thresholds.fit_one(few, 0.1, 0.05).outcome == PromiseOutcome.TOO_FEW
    assert thresholds.fit_one(wrong, 0.1, 0.05).outcome == PromiseOutcome.NONE
    unsure = Outcomes(np.full(500, 0.01), np.zeros(500, bool))  # right, and nobody could know
    assert thresholds.fit_one(unsure, 0.1, 0.05).outcome == PromiseOutcome.NONE


def test_so_many_more_labels_are_enough() -> None:
    first = thresholds.fit_one(Outcomes(np.full(20, 0.99), np.zeros(20, bool)), 0.1, 0.05)
    more = 20 + first.missing
    enough = [thresholds.fit_one(Outcomes(np.full(n, 0.99), np.zeros(n, bool)), 0.1, 0.05) for n in (more, more - 1)]
    assert enough[0].outcome != PromiseOutcome.TOO_FEW or enough[0].missing < first.missing
    assert enough[1].outcome == PromiseOutcome.TOO_FEW


def test_labels_are_missing_by_the_errors_of_today() -> None:
    """Six wrong in a hundred are fewer than a tenth, which a hundred samples cannot show."""
    outcomes = Outcomes(np.full(100, 0.99), np.arange(100) < 6)
    fitted = thresholds.fit_one(outcomes, 0.1, 0.05)
    assert fitted.outcome == PromiseOutcome.TOO_FEW and fitted.missing > 0
    n = 100 + fitted.missing
    assert (
        thresholds.fit_one(Outcomes(np.full(n, 0.99), np.arange(n) < 0.06 * n), 0.1, 0.05).outcome
        == PromiseOutcome.STANDS
    )


def test_all_subsets_share_the_level() -> None:
    outcomes = SOME
    names = ("image", "text", "image+text")
    fitted = thresholds.fit(dict.fromkeys(names, outcomes), PROMISE, names)
    alone = thresholds.fit_one(outcomes, PROMISE.error, (1 - PROMISE.sure) / 3)
    assert fitted == dict.fromkeys(names, alone)
    without = thresholds.fit({}, PROMISE, ("image",))["image"]
    assert (without.outcome, without.samples, without.coverage) == (PromiseOutcome.TOO_FEW, 0, 0.0)
    assert without.missing == thresholds.fewest(0.1, 0.7 * 0.05)


def test_a_promise_that_stands_says_what_goes_out_unasked() -> None:
    fitted = thresholds.fit_one(SOME, PROMISE.error, 0.05)
    above = SOME.confidence >= fitted.threshold
    assert (fitted.accepted, fitted.wrong) == (above.sum(), SOME.wrong[above].sum())
    assert fitted.coverage == above.mean()


@pytest.mark.parametrize(("right", "n"), [(0, 3), (3, 3), (1, 2), (17, 20), (499, 1000)])
def test_the_score_interval_is_wilsons(right: int, n: int) -> None:
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert thresholds.wilson(right, n) == pytest.approx((expected.low, expected.high), abs=1e-12)
