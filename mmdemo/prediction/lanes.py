"""Requests that wait share a batch: a few threads in which models answer, for any number of callers.

A lane for each core, each of which keeps to its share of the cores: two lanes of one thread answer more samples a
second than one lane of two threads does, and a sample that comes alone has all cores (docs/performance.md). The shares
are PyTorch's: an engine has threads of its own, as many as PyTorch has in all, and may give each lane its part of them
whether others ask meanwhile or not. A lane that is free takes the sample that has waited longest and, while others are
at work, a few that are like it; the encoders are asked about all of them together, and then each is answered as if it
were alone, so a refusal or an error is its own.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from mmdemo.process import environment
from mmdemo.values.analysis import ForwardPass
from mmdemo.values.samples import Inputs, Prediction

MOST_TOGETHER = 2  # samples of a batch: larger ones are no faster on a processor, and the first would wait for the last
WINDOW_S = 0.003  # for which a lane waits for company, while another is at work; none does where all are free
BEHIND = 3  # steps behind the threads that read requests and send answers, and those in which reviewers are answered
LONGER = 1.5  # times as long as another a sound may be to go with it: the shorter one is padded

Answer = tuple[Prediction, ForwardPass]


class BatchPredictor(Protocol):
    """What the lanes need of a predictor."""

    def prepare(self, samples: Sequence[Inputs], threads: int) -> None:
        """Ask the encoders together about samples that this thread is about to answer, by so many threads."""

    def answer(self, inputs: Inputs, explain: str = "none") -> Answer:
        """Answer for a decoded sample."""


@dataclass(frozen=True, eq=False)
class _Request:
    predictor: BatchPredictor
    inputs: Inputs
    explain: str
    since: float = field(default_factory=time.monotonic)
    answer: Future[Answer] = field(default_factory=Future)

    def goes_with(self, other: "_Request") -> bool:
        """Tell whether one pass of the same encoders reads both, and pads neither by much."""
        same = self.predictor is other.predictor and self.inputs.modalities == other.inputs.modalities
        if not same or self.inputs.audio is None or other.inputs.audio is None:
            return same
        lengths = sorted((len(self.inputs.audio), len(other.inputs.audio)))
        return lengths[1] <= LONGER * lengths[0]


class AnswerLanes:
    """Answers what callers ask for, in threads that begin with the first of them."""

    def __init__(self, lanes: int | None = None, threads: int | None = None) -> None:
        """`lanes`: how many batches are at work at once; `threads`: how many all of them have. None: as cores are."""
        self._threads = threads or environment.threads()
        self._lanes = lanes or environment.lanes(self._threads)
        self._changed = threading.Condition()
        self._waiting: deque[_Request] = deque()  # longest first
        self._busy = 0  # lanes that are at work
        self._workers: list[threading.Thread] = []
        self._closed = False

    def answer(self, predictor: BatchPredictor, inputs: Inputs, explain: str) -> Answer:
        """Wait for the answer of a predictor, and return it. Raises what the predictor raises."""
        request = _Request(predictor, inputs, explain)
        with self._changed:
            if self._closed:
                return predictor.answer(inputs, explain)
            if not self._workers:
                self._workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._lanes)]
                for number, worker in enumerate(self._workers):
                    worker.name = f"lane-{number}"
                    worker.start()
            self._waiting.append(request)
            self._changed.notify_all()
        return request.answer.result()

    def close(self) -> None:
        """Answer what waits, and end."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for worker in self._workers:
            worker.join()

    def _work(self) -> None:
        environment.step_back(BEHIND)
        while batch := self._next():
            try:
                _answer(batch, max(1, self._threads // self._busy))
            finally:
                with self._changed:
                    self._busy -= 1

    def _next(self) -> list[_Request]:
        """Wait for requests, and return those that go together; none where all is over."""
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._waiting or self._closed)
                self._wait_for_company()
                if self._waiting:
                    self._busy += 1
                    return self._take()
                if self._closed:  # otherwise another lane has taken it meanwhile
                    return []

    def _wait_for_company(self) -> None:
        """While another lane is at work, wait a moment for a batch to fill."""
        while self._waiting and self._busy and not self._closed and len(self._waiting) < MOST_TOGETHER:
            left_s = self._waiting[0].since + WINDOW_S - time.monotonic()
            if left_s <= 0 or not self._changed.wait(left_s):
                return

    def _take(self) -> list[_Request]:
        """Take whoever has waited longest, and of those like it as many as leave the free lanes their share."""
        first = self._waiting.popleft()
        free = self._lanes - self._busy
        most = min(MOST_TOGETHER, -(-(1 + len(self._waiting)) // (1 + free)))
        batch = [first, *(each for each in self._waiting if each.goes_with(first))][:most]
        for request in batch[1:]:
            self._waiting.remove(request)
        return batch


def _answer(batch: Sequence[_Request], threads: int) -> None:
    """Answer each of a batch: those of which a map is wanted after those that are done without."""
    with suppress(Exception):  # of one of them: each is answered by itself, and it is told whose it is
        batch[0].predictor.prepare([request.inputs for request in batch], threads)
    for request in sorted(batch, key=lambda request: request.explain != "none"):
        try:
            request.answer.set_result(request.predictor.answer(request.inputs, request.explain))
        except BaseException as error:  # whatever it is, its caller waits for it
            request.answer.set_exception(error)
