"""The lines in which calls wait for their turn: how long each may get, whose turn it is, and who is sent away.

Answers, closer looks and reviewers each have a line of their own, so that one cannot fill another's. A line is kept
fairly: everybody's first call goes before anybody's second, and none before somebody listens for its answer. Half of
its places are for whoever comes; in the other half each caller has a few, so that one who takes all that there is still
leaves some.
"""

import asyncio
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Any

import gradio as gr
from gradio import queueing
from gradio.block_function import BlockFunction
from gradio.data_classes import PredictBodyInternal
from gradio.server_messages import EventMessage, ProcessCompletedMessage
from gradio.utils import error_payload, run_coro_in_background, set_task_name

from mmdemo import locale
from mmdemo.errors import BadInput, Busy, MmdemoError, UnknownName
from mmdemo.guard.callers import Callers
from mmdemo.settings import Settings
from mmdemo.ui.queueing.mailboxes import Mail

# Line → how many of its calls are worked on at once. Answers that are worked on at once share batches, in lanes of
# their own (`mmdemo.prediction.lanes`): enough are let in that these never wait for files to be read.
LANES = {
    "predict": 8,  # answers
    "look": 1,  # closer looks that a reader waits for
    "weigh": 1,  # … that take a second
    "lesson": 1,  # what a reviewer teaches, which takes some
    "review": 4,  # reviewers
    "notes": 4,  # what anybody may ask that takes no model
}
OF_MODELS = ("predict", "look", "weigh", "lesson")  # lines in whose calls a model answers
SESSION_CHARS = 128  # of the name that a caller gives its session
# … and how many steps the threads of some go behind all others: a closer look holds no answer up, nor a lesson a look.
BEHIND = {"look": 6, "weigh": 8, "lesson": 10}
OF_CALLER = 0.75  # of the lanes of a line, at most: whoever comes next finds one
SWEEP_S = 2.0
TOLD_EVERY_S = 1.0  # who waits is told its place: telling all of them at each step would cost more than the answers
LOOK_S = 0.25  # how often a queue that nothing happens in looks whether it was ended
ABSENT_S = 1.0  # after which whoever came into a line and listens for no answer gives way

Outcome = tuple[bool, Any, Any]  # of Gradio's `push`: accepted, the event's id or why not, which of its reasons


class QueuePlaces:
    """Who may still come into a line."""

    def __init__(self, settings: Settings) -> None:
        self.places = settings.line_places
        self._share = settings.line_share

    def check(self, waiting: int, own: int) -> None:
        """Return if one more may wait where `waiting` do, `own` of them of the same caller. Raises Busy."""
        if waiting >= self.places:
            raise Busy("line_full")
        if 2 * waiting >= self.places and own >= self._share:
            raise Busy("line_share", most=self._share)


class FairQueue(queueing.Queue):
    """Gradio's queue, kept fairly and within bounds."""

    def __init__(self, blocks: gr.Blocks, settings: Settings) -> None:
        super().__init__(False, blocks.max_threads, TOLD_EVERY_S, None, blocks, None)
        self._news = asyncio.Event()  # something waits, is listened for, or has ended
        self.mail = Mail(settings, listened=self._news.set)
        self.pending_messages_per_session = self.mail  # type: ignore[assignment]
        self._callers = Callers.of(settings)
        self._places = QueuePlaces(settings)
        self.ANALYTICS_MAX_EVENTS = 1  # nobody is shown them

    def compute_analytics_summary(self, records: Any) -> Any:
        """Work out nothing: Gradio would go through its last ten thousand calls after each one."""
        return self.cached_event_analytics_summary

    def start(self) -> None:
        """Begin to work, and to sweep."""
        super().start()
        run_coro_in_background(self._sweep_always)

    async def start_processing(self) -> None:
        """Begin each call as soon as it has its turn; Gradio's own looks for one a thousand times a second."""
        try:
            while not self.stopped:
                self._news.clear()
                while None in self.active_jobs and (turn := self.get_events()) is not None:
                    self._begin(*turn)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK_S)
        finally:
            self.stopped = True
            self._cancel_asyncio_tasks()

    def _begin(self, events: list[queueing.Event], batch: bool, name: str) -> None:
        """Work on calls, as Gradio does: the task's name is what it cancels by."""
        line, fn, start = self.event_queue_per_concurrency_id[name], events[0].fn, time.time()
        self.active_jobs[self.active_jobs.index(None)] = events
        line.current_concurrency += 1
        line.start_times_per_fn[fn].add(start)
        task = run_coro_in_background(self.process_events, events, batch, start, fn)
        set_task_name(task, events[0].session_hash, fn._id, events[0]._id, batch)
        self._asyncio_tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._asyncio_tasks.discard(task)
        self._news.set()

    async def push(self, body: PredictBodyInternal, request: Any, username: str | None) -> Outcome:
        """Let a call wait for its turn; one that is refused is told why, as the answer that it waits for."""
        caller = self._callers.of_request(request)
        language = locale.pick(request.headers.get("accept-language"))
        body.session_hash = body.session_hash or uuid.uuid4().hex
        try:
            fn = self._fn(body)
            if self.mail.ledger.is_full(caller):
                raise Busy("answers_unread")
        except MmdemoError as error:
            return False, error.public_sentence(language), "queue_full" if isinstance(error, Busy) else "error"
        self.mail.open(body.session_hash, caller)
        try:
            self._check_place(fn, caller)
        except Busy as error:
            return self._refuse(body, fn, request, error.public_sentence(language))
        outcome = await super().push(body, request, username)
        waiting = self.event_queue_per_concurrency_id[fn.concurrency_id].queue
        waiting[:] = in_turn(waiting, self._caller)
        self._news.set()
        return outcome

    def send_message(self, event: queueing.Event, event_message: EventMessage) -> None:
        """Tell a session something; an answer that nobody reads is left lying only where there is room for it."""
        if event.session_hash not in self.mail:
            return  # nobody has come for it in time
        if isinstance(event_message, ProcessCompletedMessage) and not self.mail.fits(event.session_hash, event_message):
            language = locale.pick(event.request.headers.get("accept-language"))
            event_message = _refusal(locale.text("error.answer_dropped", language))
        super().send_message(event, event_message)

    async def sweep(self) -> None:
        """Drop what nobody reads: answers, and the calls for them. Forget the sessions that were told all."""
        for session in self.mail.left():
            del self.mail[session]
            self.pending_event_ids_session.pop(session, None)
            await self.clean_events(session_hash=session)
        for session, box in list(self.mail.items()):
            if not (self.pending_event_ids_session.get(session) or box.readers or box.qsize()):
                del self.mail[session]
        for session in [name for name in self.pending_event_ids_session if name not in self.mail]:
            del self.pending_event_ids_session[session]

    async def _sweep_always(self) -> None:
        while not self.stopped:
            await asyncio.sleep(SWEEP_S)
            await self.sweep()

    def _fn(self, body: PredictBodyInternal) -> BlockFunction:
        fn = self.blocks.fns.get(body.fn_index) if body.fn_index is not None else None
        if fn is None or not fn.queue or fn.concurrency_id not in LANES:
            raise UnknownName("unknown_call")
        if len(body.session_hash or "") > SESSION_CHARS:
            raise BadInput("token_wrong")
        return fn

    def get_events(self) -> tuple[list[queueing.Event], bool, str] | None:
        """Return what is worked on next, of any line: the first call whose answer somebody listens for."""
        lines = list(self.event_queue_per_concurrency_id.items())
        random.shuffle(lines)
        for name, line in lines:
            if line.current_concurrency < (line.concurrency_limit or 1):
                full = self._with_their_share(name)
                event = next((each for each in line.queue if self._begins(each, full)), None)
                if event is not None:
                    line.queue.remove(event)
                    return [event], False, name
        return None

    def _begins(self, event: queueing.Event, full: Collection[str]) -> bool:
        return self.is_awaited(event) and self._caller(event) not in full

    def _with_their_share(self, name: str) -> set[str]:
        """Return the callers who have as many of a line's lanes as one may have."""
        at_work = [event for events in self.active_jobs for event in events or () if event.concurrency_id == name]
        most = max(1, int(OF_CALLER * LANES[name]))
        return {caller for caller, own in Counter(map(self._caller, at_work)).items() if own >= most}

    def _check_place(self, fn: BlockFunction, caller: str) -> None:
        line = self.event_queue_per_concurrency_id.get(fn.concurrency_id)
        waiting = line.queue if line else []
        if 2 * len(waiting) >= self._places.places:
            self._give_way(waiting, [event for event in waiting if self._is_absent(event)])
        if len(waiting) >= self._places.places:  # whoever has come and not listened yet, the longest ago
            self._give_way(waiting, [event for event in waiting if not self.is_awaited(event)][:1])
        self._places.check(len(waiting), sum(self._caller(event) == caller for event in waiting))

    def _give_way(self, waiting: list[queueing.Event], leaving: list[queueing.Event]) -> None:
        """Take calls out of a line that is getting long for whose answers nobody listens."""
        for event in leaving:
            waiting.remove(event)
            self.event_ids_to_events.pop(event._id, None)
            language = locale.pick(event.request.headers.get("accept-language"))
            self.send_message(event, _refusal(locale.text("error.answer_dropped", language)))

    def _is_absent(self, event: queueing.Event) -> bool:
        box = self.mail.get(event.session_hash)
        return box is None or box.is_left(ABSENT_S)

    def is_awaited(self, event: queueing.Event) -> bool:
        """Return whether somebody reads what a call comes to."""
        box = self.mail.get(event.session_hash)
        return box is not None and box.is_read(ABSENT_S)

    def _refuse(self, body: PredictBodyInternal, fn: BlockFunction, request: Any, sentence: str) -> Outcome:
        event = queueing.Event(body.session_hash, fn, request, None)
        self.pending_event_ids_session.setdefault(event.session_hash, set()).add(event._id)
        self.send_message(event, _refusal(sentence))
        return True, event._id, "success"

    def _caller(self, event: queueing.Event) -> str:
        box = self.mail.get(event.session_hash)
        return box.caller if box else ""


def in_turn(waiting: Sequence[Any], caller_of: Callable[[Any], str]) -> list[Any]:
    """Return what waits in the order in which it is served: of each caller one, then of each the next, and so on."""
    before: Counter[str] = Counter()
    rounds = []
    for event in waiting:
        rounds.append((before[caller_of(event)], event))
        before[caller_of(event)] += 1
    return [event for _, event in sorted(rounds, key=lambda pair: pair[0])]


def _refusal(sentence: str) -> ProcessCompletedMessage:
    error = gr.Error(sentence, print_exception=False)
    return ProcessCompletedMessage(output=error_payload(error, True), success=False)
