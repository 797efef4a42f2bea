"""Answers that wait to be read: how much of them one caller and all together may leave lying, and how long.

Gradio keeps what it has to say to a session until somebody reads it, whatever it is and however long that takes. Here
each session has a mailbox, and a ledger knows what lies unread in all of them. What is read as it comes costs nothing.
"""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from gradio.server_messages import EstimationMessage, ProcessCompletedMessage, ProcessGeneratingMessage

from mmdemo.settings import Settings

MAILBOX_BYTES = 4_096  # of an empty one, about
MESSAGE_BYTES = 600  # … and of a message beside what it brings
NUMBER_BYTES = 32  # … and of a number in a list
CALLERS_PART = 8  # one caller may leave an eighth of what all may


def _nobody() -> None:
    pass


class Ledger:
    """Bytes that wait to be read, by caller and in all."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.total = 0
        self.of_caller: Counter[str] = Counter()

    def add(self, caller: str, size: int) -> None:
        """Write down that so many bytes more, or fewer, wait for this caller."""
        self.total += size
        self.of_caller[caller] += size
        if self.of_caller[caller] <= 0:
            del self.of_caller[caller]

    def is_full(self, caller: str) -> bool:
        """Tell whether this caller leaves so much unread that nothing more is worked out for it."""
        return self.of_caller[caller] >= self.most // CALLERS_PART

    def fits(self, caller: str, size: int) -> bool:
        """Tell whether an answer of so many bytes may be left lying for this caller."""
        within = self.of_caller[caller] + size <= self.most // CALLERS_PART
        return within and self.total + size <= self.most


class Mailbox(asyncio.Queue[Any]):
    """What one session is told, until it is read."""

    def __init__(
        self, caller: str, ledger: Ledger, clock: Callable[[], float], listened: Callable[[], None] = _nobody
    ) -> None:
        super().__init__()
        self.caller = caller
        self.readers = 0
        self.touched = clock()  # when somebody last read here, or asked for something
        self._read = -math.inf  # when somebody last read here
        self._ledger = ledger
        self._clock = clock
        self._listened = listened  # told that somebody begins to listen
        self._sizes = MAILBOX_BYTES
        self._ended: set[str | None] = set()  # events of which the end lies here
        ledger.add(caller, MAILBOX_BYTES)

    def touch(self) -> None:
        """Somebody is here."""
        self.touched = self._clock()

    def is_left(self, since_s: float) -> bool:
        """Tell whether nobody listens here, and nobody has for so long."""
        return self.readers == 0 and self._clock() - self.touched >= since_s

    def is_read(self, within_s: float) -> bool:
        """Tell whether somebody listens here, or did so recently: between two messages nobody does for a moment."""
        return self.readers > 0 or self._clock() - self._read < within_s

    async def get(self) -> Any:
        """Wait for the next message, as a reader."""
        self.readers += 1
        self._listened()
        try:
            return await super().get()
        finally:
            self.readers -= 1
            self.touch()
            self._read = self.touched

    def dropped(self) -> None:
        """Nothing of it is held any longer."""
        self._ledger.add(self.caller, -self._sizes)
        self._sizes = 0

    # The two below are asyncio.Queue's own seams, as its LifoQueue uses them.
    def _put(self, item: Any) -> None:
        waiting: Any = self._queue  # type: ignore[attr-defined]
        if waiting and _same_estimate(waiting[-1][1], item):
            waiting[-1] = (waiting[-1][0], item)  # who does not read is told the latest place alone
            return
        if isinstance(item, ProcessCompletedMessage):
            if item.event_id in self._ended:
                return  # cancelled again and again
            self._ended.add(item.event_id)
        size = 0 if self.readers else size_of(item)
        waiting.append((size, item))
        self._count(size)

    def _get(self) -> Any:
        size, item = self._queue.popleft()  # type: ignore[attr-defined]
        self._count(-size)
        self._ended.discard(item.event_id)
        return item

    def _count(self, size: int) -> None:
        self._sizes += size
        self._ledger.add(self.caller, size)


class Mail(dict[str, Mailbox]):
    """Mailboxes by session."""

    def __init__(
        self,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
        listened: Callable[[], None] = _nobody,
    ) -> None:
        """`listened` is told whenever somebody begins to listen to any of them."""
        super().__init__()
        self.ledger = Ledger(settings.unread_mb * 1_000_000)
        self._unread_s = settings.unread_s
        self._clock = clock
        self._listened = listened

    def open(self, session: str, caller: str) -> None:
        """Make sure that there is a mailbox for this session; it is whose who asked first."""
        if session in self:
            self[session].touch()
        else:
            self[session] = Mailbox(caller, self.ledger, self._clock, self._listened)

    def fits(self, session: str, message: Any) -> bool:
        """Tell whether a message may be put there: it is read as it comes, or little lies there."""
        box = self[session]
        return box.readers > 0 or self.ledger.fits(box.caller, size_of(message))

    def left(self) -> list[str]:
        """Return the sessions where nobody has read for too long."""
        too_old = self._clock() - self._unread_s
        return [name for name, box in self.items() if not box.readers and box.touched < too_old]

    def __delitem__(self, session: str) -> None:
        self[session].dropped()
        super().__delitem__(session)


def size_of(message: Any) -> int:
    """Return about how many bytes a message to a session holds."""
    if isinstance(message, ProcessCompletedMessage | ProcessGeneratingMessage):
        return MESSAGE_BYTES + _size(message.output)
    return MESSAGE_BYTES


def _size(value: Any) -> int:
    if isinstance(value, str | bytes):
        return len(value) + NUMBER_BYTES
    if isinstance(value, Mapping):
        return NUMBER_BYTES + sum(_size(name) + _size(item) for name, item in value.items())
    if isinstance(value, list | tuple):
        return NUMBER_BYTES + sum(map(_size, value))
    return NUMBER_BYTES


def _same_estimate(before: Any, now: Any) -> bool:
    both = isinstance(before, EstimationMessage) and isinstance(now, EstimationMessage)
    return both and before.event_id == now.event_id
