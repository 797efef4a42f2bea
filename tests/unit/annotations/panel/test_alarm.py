"""An alarm is seldom false, however long it is looked at, and sees a change soon."""

import numpy as np
import pytest

from annotations.panel import alarm

STREAMS, CHECKS = 400, 400  # of 2,000 answers a fifth is checked
SPREAD = 3 * (0.05 * 0.95 / STREAMS) ** 0.5


def raised(promised: float, wrong: float, checks: int = CHECKS) -> float:
    """Return the share of streams with that share of wrong answers that bring an alarm."""
    draw = np.random.default_rng(0)
    streams = (alarm.errors(draw.random(checks) < wrong, promised) for _ in range(STREAMS))
    return float(np.mean([alarm.reached(wealth, alarm.FALSE_ERRORS) for wealth in streams]))


@pytest.mark.parametrize("promised", [0.05, 0.1, 0.3])
def test_errors_as_promised_bring_no_alarm(promised: float) -> None:
    assert raised(promised, promised) <= 0.05 + SPREAD
    assert raised(promised, promised / 2) == 0.0


@pytest.mark.parametrize("promised", [0.05, 0.1])
def test_ten_points_more_are_found_within_two_hundred_checks(promised: float) -> None:
    assert raised(promised, promised + 0.1, checks=200) >= 0.8


def test_a_change_after_a_long_while_as_promised_is_found_too() -> None:
    draw = np.random.default_rng(0)
    rates = np.repeat([0.1, 0.5], [1000, 100])
    reached = [alarm.reached(alarm.errors(draw.random(1100) < rates, 0.1), alarm.FALSE_ERRORS) for _ in range(50)]
    assert np.mean(reached) >= 0.9


def test_wealth_is_a_martingale_where_nothing_changed() -> None:
    draw = np.random.default_rng(0)
    ends = [alarm.errors(draw.random(60) < 0.1, 0.1)[-1] for _ in range(4000)]
    assert np.mean(ends) == pytest.approx(1.0, abs=4 * np.std(ends) / 4000**0.5)


def doubts(draw: np.random.Generator, before: int, after: int, shift: float) -> np.ndarray:
    return np.concatenate([draw.beta(1, 6, before), np.minimum(1, draw.beta(1, 6, after) + shift)])


def seen(before: int, after: int, shift: float, streams: int = 150) -> float:
    draw = np.random.default_rng(1)
    n = before + after
    reached = [
        alarm.reached(
            alarm.inputs(doubts(draw, before, after, shift), draw.random(n), ["a"] * n, 0), alarm.FALSE_INPUTS
        )
        for _ in range(streams)
    ]
    return float(np.mean(reached))


def test_other_inputs_are_found_and_the_same_ones_are_not() -> None:
    assert seen(200, 200, 0.0) <= 0.01 + 3 * (0.01 / 150) ** 0.5
    assert seen(200, 200, 0.3) >= 0.95


def test_samples_are_compared_with_those_of_the_same_modalities() -> None:
    p = alarm.p_values([0.1, 0.9, 0.2, 0.8], [0.5] * 4, ["a", "b", "a", "b"])
    assert list(p) == [0.5, 0.5, 0.25, 0.75]  # rank among those of its group, itself half


def test_equal_doubts_are_parted_at_random() -> None:
    draw = np.random.default_rng(0)
    p = alarm.p_values([1.0] * 2000, draw.random(2000).tolist(), [""] * 2000)
    assert np.mean(p) == pytest.approx(0.5, abs=0.03) and np.mean(p < 0.1) == pytest.approx(0.1, abs=0.03)


def test_nothing_is_no_alarm() -> None:
    assert not alarm.reached(alarm.errors(np.zeros(0, bool), 0.1), 0.04)
    assert not alarm.reached(alarm.inputs([], [], [], 0), 0.01)
