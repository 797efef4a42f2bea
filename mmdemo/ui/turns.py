"""Calls that wait in no line: a few of one caller are worked on at once, so that there is a thread left for the next.

They take milliseconds, but all share Gradio's threads with the lines; those that are here leave the lines theirs.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mmdemo.settings import Settings
from mmdemo.ui.lines import Places

LANES = 24  # of the 40 threads that Gradio has
CALLERS_LANES = 8


class Turns:
    """Lets calls through, of each caller a few at once. For one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._places = Places(settings)
        self._lanes = asyncio.Semaphore(LANES)
        self._own: dict[str, asyncio.Semaphore] = {}
        self._here: Counter[str] = Counter()  # calls that wait or are worked on, by caller

    @asynccontextmanager
    async def take(self, caller: str) -> AsyncIterator[None]:
        """Wait for a lane and hold it while the body runs. Raises Busy where too many wait."""
        self._places.check(self._here.total(), self._here[caller])
        self._here[caller] += 1
        own = self._own.setdefault(caller, asyncio.Semaphore(CALLERS_LANES))
        try:
            async with own, self._lanes:
                yield
        finally:
            self._here[caller] -= 1
            if not self._here[caller]:
                del self._here[caller], self._own[caller]
