"""How surely a newer version is worse, however often one looks."""

import numpy as np
import pytest

from annotations.watching import martingale


def test_nothing_seen_is_no_evidence_and_losses_are_while_gains_take_it_back() -> None:
    assert martingale.against(0, 0) == pytest.approx(1)
    assert martingale.against(1, 0) == pytest.approx(1.5)  # the mean of 2p over p from a half to 1
    assert martingale.against(0, 1) == pytest.approx(0.5)
    rising = [martingale.against(lost, 0) for lost in range(12)]
    assert rising == sorted(rising) and martingale.against(9, 3) < martingale.against(9, 0)
    assert martingale.against(0, 5000) == 0 and martingale.against(5000, 0) > 1e100


@pytest.mark.parametrize(("gained", "needed"), [(0, 9), (3, 17)])
def test_it_is_known_how_many_losses_end_a_version(gained: int, needed: int) -> None:
    level = martingale.level(1)
    assert martingale.losses_needed(gained, level) == needed
    assert martingale.against(needed, gained) * level >= 1 > martingale.against(needed - 1, gained) * level


def test_the_levels_of_a_month_and_of_the_one_before_stay_within_the_budget() -> None:
    levels = [martingale.level(number) for number in range(1, 30)]
    assert sum(levels) + levels[0] == pytest.approx(martingale.MONTHLY_BUDGET)
    assert levels == sorted(levels, reverse=True)


def test_one_that_is_equal_seldom_goes_though_it_is_looked_at_after_every_answer() -> None:
    draw, level, false = np.random.default_rng(0), 0.05, 0
    limits = [martingale.losses_needed(gained, level) for gained in range(150)]
    for _ in range(1000):
        lost = (draw.random(150) < 0.5).cumsum()
        gained = np.arange(1, 151) - lost
        false += bool(any(lost[n] >= limits[gained[n]] for n in range(150)))
    assert false <= 70  # of a thousand: 5 %, and three standard deviations


def test_one_that_is_much_worse_goes_soon() -> None:
    draw = np.random.default_rng(0)
    went = []
    for _ in range(200):
        lost = (draw.random(100) < 0.9).cumsum()
        gone = [
            n for n in range(100) if martingale.against(int(lost[n]), int(n + 1 - lost[n])) * martingale.level(1) >= 1
        ]
        went.append(gone[0] if gone else 100)
    assert np.median(went) < 20 and max(went) < 100
