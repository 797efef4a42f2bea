"""Calls that wait in no line: a few of one caller are worked on at once, so that there is a thread left for the next.

Most take milliseconds; those that read a file may take a second, and have turns of their own. All share Gradio's
threads with the lines; those that are here leave the lines theirs.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mmdemo.settings import Settings
from mmdemo.ui.queueing.fair_queue import QueuePlaces

QUICK, READING = "quick", "reading"


@dataclass(frozen=True)
class Lanes:
    """How many calls of a kind are worked on at once."""

    all: int
    of_caller: int


LANES = {  # of the 40 threads that Gradio has
    QUICK: Lanes(22, 8),
    READING: Lanes(2, 1),  # as many as there are processes in which strangers' files are read
}


class Turns:
    """Lets calls of one kind through, of each caller a few at once. For one event loop."""

    def __init__(self, settings: Settings, kind: str = QUICK) -> None:
        self._places = QueuePlaces(settings)
        self._of_caller = LANES[kind].of_caller
        self._lanes = asyncio.Semaphore(LANES[kind].all)
        self._own: dict[str, asyncio.Semaphore] = {}
        self._here: Counter[str] = Counter()  # calls that wait or are worked on, by caller

    @asynccontextmanager
    async def take(self, caller: str) -> AsyncIterator[None]:
        """Wait for a lane and hold it while the body runs. Raises Busy where too many wait."""
        self._places.check(self._here.total(), self._here[caller])
        self._here[caller] += 1
        own = self._own.setdefault(caller, asyncio.Semaphore(self._of_caller))
        try:
            async with own, self._lanes:
                yield
        finally:
            self._here[caller] -= 1
            if not self._here[caller]:
                del self._here[caller], self._own[caller]
