"""Lines as callers meet them: everybody has a turn, nobody all of them, and whoever is sent away reads why."""

import asyncio
import dataclasses
import itertools
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from gradio_client.exceptions import AppError

from mmdemo.errors import Busy
from mmdemo.settings import Settings
from mmdemo.ui import page
from mmdemo.ui.queueing import fair_queue, turns
from mmdemo.ui.queueing.fair_queue import FairQueue, QueuePlaces, in_turn
from mmdemo.values.analysis import ForwardPass
from mmdemo.values.samples import Inputs, Prediction
from tests import serving
from tests.unit.mmdemo.ui.fake_queue import FakeQueue, Served
from tests.waiting import wait_until

SMALL = Settings(line_places=8, line_share=2, unread_mb=1, unread_s=2)
NUMBERS = itertools.count()
AT_WORK = int(fair_queue.OF_CALLER * fair_queue.LANES["predict"])  # answers of one caller
WAIT_S = 300  # a busy machine
GIVEN = ("sentiment", None, "smiling", None, "none", False)  # to /predict


class Gated(FakeQueue):
    """Answers while its gate is open."""

    def __init__(self, folder: Path) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.at_gate: list[str | None] = []  # captions of what is worked on, in the order in which it began
        super().__init__(folder)

    def predict(
        self, task: str, inputs: Inputs, explain: str, keep: bool, caller: str = ""
    ) -> tuple[Prediction, ForwardPass]:
        """Answer once the gate is open."""
        self.at_gate.append(inputs.text)
        assert self.gate.wait(WAIT_S)
        return super().predict(task, inputs, explain, keep, caller)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Keep the gate closed."""
        self.gate.clear()
        self.at_gate.clear()
        try:
            yield
        finally:
            self.gate.set()


class Caller:
    """Calls from an address of its own, which on loopback anybody may choose."""

    def __init__(self, served: Served, address: str) -> None:
        self.address = address
        self.http = httpx.Client(
            base_url=f"{served.url}gradio_api/", transport=httpx.HTTPTransport(local_address=address), timeout=30
        )
        served.stack.callback(self.http.close)
        config = httpx.get(f"{served.url}config").json()
        self.ids = {entry["api_name"]: entry["id"] for entry in config["dependencies"]}

    def join(self, name: str, *data: Any, session: str = "") -> tuple[httpx.Response, str]:
        """Come into a line; return the answer to that and the session, which is read by `read`."""
        session = session or f"session-{next(NUMBERS)}"
        body = {"data": data, "fn_index": self.ids[name], "session_hash": session}
        return self.http.post("queue/join", json=body), session

    def read(self, session: str) -> list[dict[str, Any]]:
        """Return what a session is told until its end."""
        with self.http.stream("GET", "queue/data", params={"session_hash": session}) as stream:
            lines = [line for line in stream.iter_lines() if line.startswith("data: ")]
        return [json.loads(line.removeprefix("data: ")) for line in lines]

    def call(self, name: str, *data: Any) -> dict[str, Any]:
        """Come into a line, wait, and return the last message."""
        answer, session = self.join(name, *data)
        assert answer.status_code == 200, answer.text
        return next(message for message in self.read(session) if message["msg"] == "process_completed")


@dataclass(frozen=True)
class Lined(Served):
    """A page that listens, and the lines before it."""

    lines: FairQueue

    @property
    def gated(self) -> Gated:
        """Its loop."""
        assert isinstance(self.loop, Gated)
        return self.loop

    def caller(self) -> Caller:
        """Return a caller that has not called before."""
        return Caller(self, f"127.0.1.{next(NUMBERS) % 250 + 1}")

    def wait_for_line(self, name: str, waiting: int) -> None:
        """Return once so many wait there and listen for their answers."""
        deadline = time.monotonic() + WAIT_S
        while name not in (queues := self.lines.event_queue_per_concurrency_id) or len(queues[name].queue) != waiting:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        wait_until(lambda: all(self.lines.is_awaited(event) for event in queues[name].queue), WAIT_S)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Lined"]:
    """The whole page on a loop with a gate."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        loop = Gated(tmp_path_factory.mktemp("queue"))

        async def serve() -> page.Running:  # outside of a running event loop Gradio makes loops that it never closes
            settings = dataclasses.replace(SMALL, server_port=serving.free_port())
            return page.launch(page.build(loop, settings), loop, settings)

        running = asyncio.run(serve())
        stack.callback(running.close)
        assert isinstance(running.page._queue, FairQueue)
        yield Lined(running.local_url, loop, stack, running.page._queue)


def test_everybodys_first_call_goes_before_anybodys_second() -> None:
    assert "".join(in_turn("aaaabbc", str)) == "abcabaa"
    assert "".join(in_turn("abcabaa", str)) == "abcabaa"
    first, second, third = ("a", 1), ("a", 2), ("b", 3)
    assert in_turn([first, second, third], lambda event: event[0]) == [first, third, second]


def test_half_of_a_line_is_for_whoever_comes_and_of_the_rest_each_has_a_few() -> None:
    places = QueuePlaces(SMALL)
    places.check(3, 3)  # alone in half a line
    for waiting, own, key in ((4, 2, "line_share"), (7, 3, "line_share"), (8, 0, "line_full")):
        with pytest.raises(Busy) as refusal:
            places.check(waiting, own)
        assert refusal.value.key == key and refusal.value.sentence("en") and refusal.value.sentence("zh")
    places.check(7, 1)


@pytest.mark.slow
def test_answers_that_nobody_fetches_are_bounded_and_the_next_caller_is_answered(served: Lined) -> None:
    greedy, visitor = served.caller(), served.caller()
    long = ("sentiment", None, "smiling " * 200, None, "default", False)
    answers = [greedy.join("predict", *long)[0] for _ in range(120)]
    refused = [answer for answer in answers if answer.status_code == 503]
    assert refused and "has not been fetched" in refused[-1].json()["detail"]
    assert served.lines.mail.ledger.of_caller[greedy.address] < 300_000 and served.lines.mail.ledger.total < 1_000_000
    assert visitor.call("predict", *GIVEN)["success"]


@pytest.mark.slow
def test_what_was_sent_and_answered_is_not_remembered_by_session(served: Lined) -> None:
    caller = served.caller()
    assert caller.call("predict", "sentiment", None, "smiling secret", None, "default", False)["success"]
    answer = caller.http.post("run/page_example", json={"data": ["sentiment", 0], "session_hash": "page"})
    assert answer.json()["data"][0]["text"]
    app = served.lines.server_app  # that answered
    assert app is not None
    holder = app.state_holder
    assert holder["any"] is holder["other"] and not holder.session_data and not holder.time_last_used
    assert "secret" not in str(holder["any"].config_values) and "secret" not in str(vars(holder["any"]))


@pytest.mark.slow
def test_what_nobody_fetches_goes_and_then_the_caller_may_ask_again(served: Lined) -> None:
    caller, queue = served.caller(), served.lines
    sessions = [caller.join("status", "sentiment")[1] for _ in range(3)]
    deadline = time.monotonic() + WAIT_S
    while any(session in queue.mail for session in sessions):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not any(session in queue.pending_event_ids_session for session in sessions)
    assert queue.mail.ledger.of_caller[caller.address] == 0
    assert caller.call("status", "sentiment")["success"]


@pytest.mark.slow
def test_who_takes_all_places_is_told_so_and_others_are_answered_between(served: Lined) -> None:
    greedy, visitor = served.caller(), served.caller()
    with served.gated.closed(), ThreadPoolExecutor(AT_WORK + 8) as pool:
        joined = [greedy.join("predict", *GIVEN) for _ in range(4)]
        answers = [pool.submit(greedy.read, session) for _, session in joined]
        served.wait_for_line("predict", 0)
        joined += [greedy.join("predict", *GIVEN) for _ in range(AT_WORK - 4)]
        answers += [pool.submit(greedy.read, session) for _, session in joined[4:]]
        served.wait_for_line("predict", 0)  # as many are at work as one caller's may be
        joined += [greedy.join("predict", *GIVEN) for _ in range(7)]
        assert {answer.status_code for answer, _ in joined} == {200}  # who is refused reads it as the answer
        answers += [pool.submit(greedy.read, session) for _, session in joined[AT_WORK:]]
        other = pool.submit(visitor.call, "predict", "sentiment", None, "laughing", None, "none", False)
        wait_until(lambda: "laughing" in served.gated.at_gate, WAIT_S)
        served.wait_for_line("predict", 4)
        assert served.gated.at_gate == ["smiling"] * AT_WORK + ["laughing"]
        served.gated.gate.set()
        assert other.result()["success"]
    ends = [next(one for one in messages.result() if one["msg"] == "process_completed") for messages in answers]
    assert {end["output"]["error"] for end in ends if not end["success"]} == {
        "Half of this line is taken, and you have 2 calls in it already, or more. Wait for those to end, and try again."
    }
    assert sum(end["success"] for end in ends) == AT_WORK + 4


@pytest.mark.slow
def test_a_script_reads_the_sentence_with_which_it_is_sent_away(served: Lined) -> None:
    client = served.client(headers={"Accept-Language": "zh"})
    with served.gated.closed():
        jobs = [client.submit(*GIVEN, api_name="/predict") for _ in range(12)]
        refused = next(job for job in as_completed([job.future for job in jobs]))
        assert isinstance(refused.exception(), AppError) and "这条队伍已占满一半" in str(refused.exception())
    errors = [error for job in jobs if (error := job.exception())]
    assert len(errors) <= 8 and all("这条队伍已占满一半" in str(error) for error in errors)


@pytest.mark.slow
def test_a_full_line_leaves_the_others_as_they_were(served: Lined) -> None:
    greedy, visitor = served.caller(), served.caller()
    with served.gated.closed():
        sessions = [greedy.join("predict", *GIVEN)[1] for _ in range(5)]
        calls = {"queue": ("", 5), "status": ("sentiment",), "alike": ("sentiment", None, "rain", None, 3)}
        for name, data in calls.items():
            assert visitor.call(name, *data)["success"]
        assert len(served.lines.event_queue_per_concurrency_id["predict"].queue) == 4
    with ThreadPoolExecutor(5) as pool:
        list(pool.map(greedy.read, sessions))


@pytest.mark.slow
def test_what_has_no_line_is_not_let_into_one_and_what_waits_is_not_called_past_it(served: Lined) -> None:
    caller, queue = served.caller(), served.lines
    answer, _ = caller.join("page_recall", "0" * 32)
    assert answer.status_code == 400 and "can be called in this way" in answer.json()["detail"]
    answer = caller.http.post("run/predict", json={"data": ["sentiment"]})
    assert answer.status_code == 404
    answer, _ = caller.join("status", "sentiment", session="x" * 10_000)
    assert answer.status_code == 400
    assert set(queue.event_queue_per_concurrency_id) <= set(fair_queue.LANES)
    assert {fn.concurrency_id for fn in queue.blocks.fns.values() if fn.queue and fn.api_name} == set(fair_queue.LANES)


@pytest.mark.parametrize(("kind", "visitors"), [(turns.QUICK, 2), (turns.READING, 1)])
def test_one_caller_has_some_of_the_turns_and_others_go_before_its_next(kind: str, visitors: int) -> None:
    async def walk() -> list[str]:
        desk, order = turns.Turns(Settings(line_places=1_000), kind), []
        release = asyncio.Event()

        async def call(caller: str) -> None:
            async with desk.take(caller):
                order.append(caller)
                await release.wait()

        calls = [asyncio.create_task(call("greedy")) for _ in range(100)]
        calls += [asyncio.create_task(call("visitor")) for _ in range(2)]
        for _ in range(10):
            await asyncio.sleep(0)
        at_work = list(order)
        release.set()
        await asyncio.gather(*calls)
        assert len(order) == 102 and not desk._here and not desk._own
        return at_work

    assert asyncio.run(walk()) == ["greedy"] * turns.LANES[kind].of_caller + ["visitor"] * visitors


def test_a_flood_of_direct_calls_is_refused_in_a_sentence() -> None:
    async def walk() -> None:
        desk, blocker = turns.Turns(SMALL), asyncio.Event()

        async def call() -> None:
            async with desk.take("greedy"):
                await blocker.wait()

        calls = [asyncio.create_task(call()) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="Half of this line"):
            async with desk.take("greedy"):
                pass
        async with desk.take("visitor"):
            blocker.set()
        await asyncio.gather(*calls)

    asyncio.run(walk())


def test_lanes_leave_the_lines_their_threads() -> None:
    others = sum(number for line, number in fair_queue.LANES.items() if line not in fair_queue.OF_MODELS)
    assert sum(kind.all for kind in turns.LANES.values()) + others <= 40  # Gradio's max_threads
    assert sum(fair_queue.LANES.values()) <= 40  # … and as many calls are worked on at once


@pytest.mark.slow
def test_who_listens_for_no_answer_gives_way(served: Lined) -> None:
    crowd, visitor = [served.caller() for _ in range(8)], served.caller()
    with served.gated.closed(), ThreadPoolExecutor(2) as pool:
        first = pool.submit(crowd[0].read, crowd[0].join("predict", *GIVEN)[1])
        served.wait_for_line("predict", 0)  # it is at work
        sessions = [caller.join("predict", *GIVEN)[1] for caller in crowd]
        time.sleep(fair_queue.ABSENT_S + 0.1)  # all places are taken, and nobody listens
        other = pool.submit(visitor.call, "predict", "sentiment", None, "laughing", None, "none", False)
        wait_until(lambda: "laughing" in served.gated.at_gate, WAIT_S)
        served.gated.gate.set()
        assert other.result()["success"]
    ends = [one for one in crowd[0].read(sessions[0]) if one["msg"] == "process_completed"]
    assert ends[0]["output"]["error"].startswith("This answer was not fetched")
    assert any(one["msg"] == "process_completed" for one in first.result())


@pytest.mark.slow
def test_nothing_is_worked_on_before_somebody_listens(served: Lined) -> None:
    absent, visitor = served.caller(), served.caller()
    before = len(served.loop.predicted)
    _, session = absent.join("predict", "sentiment", None, "unheard", None, "none", False)
    assert visitor.call("predict", "sentiment", None, "laughing", None, "none", False)["success"]
    assert [sample.text for _, sample, _, _ in served.loop.predicted[before:]] == ["laughing"]
    assert any(one["msg"] == "process_completed" and one["success"] for one in absent.read(session))
