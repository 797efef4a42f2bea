"""Whoever asks too fast waits, whoever asks much too fast is refused, and nobody else notices."""

import asyncio
from typing import Any

import pytest

from mmdemo.guard.callers import Callers
from mmdemo.guard.layers import rate_limit
from mmdemo.guard.layers.rate_limit import BURST_S, WAIT_S, Pace
from mmdemo.guard.limits import RequestLimits
from mmdemo.guard.refusals import Refusal, Refusing
from tests.unit.mmdemo.guard.asking import DISCONNECT, Echo, ask, asking

LIMITS = RequestLimits(upload_bytes=1, requests_per_s=10)
AT_ONCE = int(10 * BURST_S)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def paced(clock: Clock) -> Pace:
    return Pace(Echo(), LIMITS, Callers(), clock)


def test_a_burst_goes_through_and_what_follows_waits_longer_and_longer(paced: Pace) -> None:
    assert [paced.wait_s("a", 1) for _ in range(AT_ONCE)] == [0.0] * AT_ONCE
    assert [paced.wait_s("a", 1) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    assert paced.wait_s("b", 1) == 0.0


def test_what_costs_more_than_a_burst_goes_through_where_nothing_was_asked_before(paced: Pace) -> None:
    assert paced.wait_s("a", 100 * AT_ONCE) == 0.0
    with pytest.raises(Refusal):
        paced.wait_s("a", 100 * AT_ONCE)


def test_who_goes_on_is_refused_until_time_has_passed(paced: Pace, clock: Clock) -> None:
    for _ in range(int(10 * (BURST_S + WAIT_S))):
        paced.wait_s("a", 1)
    for _ in range(100):  # refused ones cost nothing
        with pytest.raises(Refusal, match="too_fast"):
            paced.wait_s("a", 1)
    clock.now = 1.0
    assert [paced.wait_s("a", 1) for _ in range(10)][-1] == pytest.approx(WAIT_S)
    clock.now = 100.0
    assert paced.wait_s("a", 1) == 0.0


def test_what_the_server_makes_anew_costs_more(clock: Clock) -> None:
    app = Refusing(Pace(Echo(), LIMITS, Callers(), clock))
    assert [ask(app, path="/", method="GET")[0] for _ in range(AT_ONCE // rate_limit.DEAR["/"])] == [200] * 7
    paced = app._app
    assert paced.wait_s("127.0.0.1", 10) == pytest.approx(0.0)
    assert paced.wait_s("127.0.0.1", 1) > 0


def test_an_upload_costs_what_it_brings() -> None:
    def cost(path: str, **headers: str) -> float:
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        return rate_limit.cost({"path": path, "headers": named}, 20 * 2**20)

    assert cost(rate_limit.UPLOAD, content_length="65536") == 1.5
    assert cost(rate_limit.UPLOAD, content_length="52428800") == 401
    assert cost(rate_limit.UPLOAD) == 161  # tells no length: the largest file
    assert cost("/gradio_api/queue/join", content_length="65536") == 1


def test_of_what_costs_most_a_caller_has_two_at_once_until_the_answer_begins() -> None:
    async def facts() -> None:
        at_once, most, go = 0, 0, asyncio.Event()

        async def making(scope: Any, receive: Any, send: Any) -> None:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.001)
            at_once -= 1
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await go.wait()  # a slow reader
            await send({"type": "http.response.body", "body": b""})

        paced = Pace(making, LIMITS, Callers())
        readers = [asyncio.create_task(asking(paced, [b""], "/", "GET", {}, "a", DISCONNECT, "1.1")) for _ in range(6)]
        await asyncio.sleep(0.1)
        assert most == rate_limit.DEAR_AT_ONCE and len(paced._turns) == 1
        go.set()
        assert [status for status, _ in await asyncio.gather(*readers)] == [200] * 6
        assert len(paced._turns) == 0

    asyncio.run(facts())


def test_not_more_callers_are_remembered_than_ask(paced: Pace, clock: Clock) -> None:
    for number in range(rate_limit.REMEMBERED):
        paced.wait_s(str(number), 1)
    clock.now = 60.0
    paced.wait_s("a", 1)
    assert len(paced._taken) == 1
