"""One reading of one clock erases nothing: a jump is told, and waits until readings have gone on from there."""

from datetime import datetime, timedelta

import pytest

from annotations.review_queue import retention
from annotations.schema import now
from annotations.store import Store, samples
from tests.unit.annotations import sentiment

DAY = timedelta(days=1)
AHEAD = timedelta(days=400)


def read(store: Store, at: datetime, days: int = 365) -> bool:
    with store.session() as session:
        believed = retention.clock_is_believed(session, at, days)
        session.commit()
    return believed


def has_content(store: Store) -> bool:
    with store.reading() as session:
        return samples.get(session, sentiment.NEVER).has_content


@pytest.fixture
def start(store: Store) -> datetime:
    """The moment of the newest row: a home of before knows no other reading."""
    moment = now()
    with store.session() as session:
        session.add(sentiment.row(at=moment))
        session.commit()
    return moment


def test_a_clock_that_goes_on_is_believed(store: Store, start: datetime) -> None:
    assert all(read(store, start + number * DAY) for number in range(0, 40, 4))
    assert retention.notices(store) == []


def test_a_clock_that_starts_far_ahead_erases_nothing_and_says_so(store: Store, start: datetime) -> None:
    assert retention.expire(store, 365, start + AHEAD) == 0
    assert has_content(store)
    [notice] = retention.notices(store)
    assert "The clock says" in notice.sentence() and "in case it is wrong" in notice.sentence()


def test_a_clock_that_is_set_right_again_is_believed_and_the_notice_goes(store: Store, start: datetime) -> None:
    assert not read(store, start + AHEAD)
    assert read(store, start + DAY)
    assert retention.notices(store) == []
    assert not read(store, start + AHEAD + retention.CLOCK_WAIT)  # the next jump waits as long as the first


def test_a_long_rest_is_believed_once_the_clock_has_gone_on(store: Store, start: datetime) -> None:
    moments = [start + AHEAD + number * DAY / 2 for number in range(7)]
    assert [read(store, moment) for moment in moments] == [False] * 6 + [True]
    assert retention.expire(store, 365, moments[-1]) == 1
    assert retention.notices(store) == []


def test_a_clock_that_jumps_from_reading_to_reading_is_never_believed(store: Store, start: datetime) -> None:
    assert not any(read(store, start + number * AHEAD) for number in range(1, 9))


def test_where_things_are_kept_for_a_day_a_day_is_the_furthest(store: Store, start: datetime) -> None:
    assert not read(store, start + 2 * DAY, days=1)
    assert read(store, start + DAY, days=1)


def test_whoever_runs_it_may_erase_all_the_same(store: Store, start: datetime) -> None:
    assert retention.expire(store, 365, start + AHEAD, told_to=True) == 1
    assert not has_content(store)
