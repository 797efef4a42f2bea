"""A month's budget for false promotions, however often somebody looks."""

from datetime import UTC, datetime, timedelta

import pytest

from annotations.nightly import looks
from annotations.nightly.looks import MONTHLY_BUDGET, Look

BEGIN = datetime(2026, 11, 1, 2, tzinfo=UTC)


def test_the_first_look_of_a_month_spends_a_fifth_of_it() -> None:
    allowance = looks.allowance([], BEGIN)
    assert (allowance.number, allowance.level, allowance.spent) == (1, pytest.approx(MONTHLY_BUDGET / 5), 0)


def test_however_many_looks_there_are_they_stay_within_the_budget_and_each_has_something() -> None:
    past: list[Look] = []
    for day in range(30):
        allowance = looks.allowance(past, BEGIN + timedelta(days=day))
        assert allowance.number == day + 1 and allowance.level > 0
        assert allowance.spent + allowance.level <= MONTHLY_BUDGET
        past.append(Look(BEGIN + timedelta(days=day), 20 + day, allowance.level))


def test_a_new_month_has_a_new_budget() -> None:
    past = [Look(BEGIN, 20, 0.04)]
    assert looks.allowance(past, BEGIN + timedelta(days=29)).level == pytest.approx(0.002)
    assert looks.allowance(past, BEGIN + timedelta(days=30)) == looks.allowance([], BEGIN)
    assert looks.allowance(past, BEGIN.replace(year=2027)) == looks.allowance([], BEGIN)


@pytest.mark.parametrize(("last", "needed"), [(20, 24), (21, 26), (1, 2), (400, 480)])
def test_the_next_look_is_at_a_fifth_more(last: int, needed: int) -> None:
    assert looks.next_size([Look(BEGIN, 5, 0.01), Look(BEGIN + timedelta(days=1), last, 0.01)]) == needed


def test_the_first_look_needs_no_more_than_the_tasks_minimum() -> None:
    assert looks.next_size([]) == 0
