"""What lies unread is bounded by caller and in all, and goes after a while; what is read as it comes is not counted."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from gradio.server_messages import EstimationMessage, ProcessCompletedMessage, ProcessStartsMessage

from mmdemo.settings import Settings
from mmdemo.ui.queueing.mailboxes import MAILBOX_BYTES, Mail, size_of

SETTINGS = Settings(unread_mb=8, unread_s=60)  # 1 MB a caller
ANN, BOB = "192.0.2.1", "192.0.2.2"


def run(walk: Coroutine[Any, Any, None]) -> None:
    asyncio.run(walk)


def answer(size: int, event: str = "e") -> ProcessCompletedMessage:
    return ProcessCompletedMessage(output={"data": ["x" * size]}, success=True, event_id=event)


@pytest.fixture
def now() -> list[float]:
    """A clock that stands at its one number."""
    return [1_000.0]


@pytest.fixture
def mail(now: list[float]) -> Mail:
    return Mail(SETTINGS, lambda: now[0])


def test_a_caller_may_leave_an_eighth_and_all_together_no_more_than_the_whole(mail: Mail) -> None:
    mail.open("a", ANN)
    assert mail.fits("a", answer(900_000)) and not mail.fits("a", answer(1_100_000))
    mail["a"].put_nowait(answer(900_000))
    mail.open("b", ANN)
    assert not mail.fits("b", answer(200_000))  # another session of the same caller
    assert not mail.ledger.is_full(ANN)
    mail["a"].put_nowait(answer(99_000, "f"))
    assert mail.ledger.is_full(ANN) and not mail.ledger.is_full(BOB)
    for number in range(8):
        mail.open(f"s{number}", f"198.51.100.{number}")
        if mail.fits(f"s{number}", answer(950_000)):
            mail[f"s{number}"].put_nowait(answer(950_000))
    assert mail.ledger.total <= 8_000_000 and not mail.fits("s7", answer(950_000))


def test_empty_mailboxes_count_too(mail: Mail) -> None:
    for number in range(250):
        mail.open(str(number), ANN)
    assert mail.ledger.is_full(ANN) and mail.ledger.total == 250 * MAILBOX_BYTES


def test_what_is_read_as_it_comes_always_fits_and_is_not_counted(mail: Mail) -> None:
    async def walk() -> None:
        mail.open("a", ANN)
        reader = asyncio.create_task(mail["a"].get())
        await asyncio.sleep(0)
        assert mail.fits("a", answer(50_000_000))
        mail["a"].put_nowait(answer(2_000_000))
        assert mail.ledger.total == MAILBOX_BYTES
        assert len((await reader).output["data"][0]) == 2_000_000
        assert mail["a"].readers == 0

    run(walk())


def test_what_is_read_or_dropped_makes_room(mail: Mail) -> None:
    async def walk() -> None:
        mail.open("a", ANN)
        mail["a"].put_nowait(answer(500_000))
        mail["a"].put_nowait(answer(400_000, "f"))
        await mail["a"].get()
        assert MAILBOX_BYTES + 400_000 < mail.ledger.total < MAILBOX_BYTES + 402_000
        del mail["a"]
        assert mail.ledger.total == 0 and not mail.ledger.of_caller

    run(walk())


def test_nobody_comes_for_it_for_a_minute_and_it_goes(mail: Mail, now: list[float]) -> None:
    mail.open("a", ANN)
    mail.open("b", BOB)
    now[0] += 50
    mail.open("b", BOB)  # asked for something more
    now[0] += 15
    assert mail.left() == ["a"]


def test_where_somebody_waits_nothing_goes_however_long_it_takes(mail: Mail, now: list[float]) -> None:
    async def walk() -> None:
        mail.open("a", ANN)
        reader = asyncio.create_task(mail["a"].get())
        await asyncio.sleep(0)
        now[0] += 3_600
        assert mail.left() == []
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        assert mail.left() == []  # it was here a moment ago
        now[0] += 61
        assert mail.left() == ["a"]

    run(walk())


def test_of_its_place_in_line_who_does_not_read_is_told_the_latest_alone(mail: Mail) -> None:
    mail.open("a", ANN)
    for rank in range(1_000, 0, -1):
        mail["a"].put_nowait(EstimationMessage(rank=rank, queue_size=rank, event_id="e"))
    mail["a"].put_nowait(ProcessStartsMessage(event_id="e"))
    assert [message.rank for message in (mail["a"].get_nowait(),)] == [1] and mail["a"].qsize() == 1


def test_an_event_ends_once_however_often_it_is_cancelled(mail: Mail) -> None:
    mail.open("a", ANN)
    for _ in range(1_000):
        mail["a"].put_nowait(answer(0, "e"))
        mail["a"].put_nowait(answer(0, "f"))
    assert mail["a"].qsize() == 2


def test_sizes_are_those_of_what_an_answer_holds() -> None:
    assert 1_000_000 < size_of(answer(1_000_000)) < 1_002_000
    numbers = ProcessCompletedMessage(output={"data": [[0.5] * 10_000]}, success=True)
    assert 10_000 * 32 < size_of(numbers) < 10_000 * 32 + 2_000
