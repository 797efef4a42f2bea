"""Who reads a file: of one caller one at a time, so that files that are slow to read keep nobody else from an answer.

The page's samples are read in turns of their own (`mmdemo.ui.queueing.turns`).
"""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ReadingTurns:
    """Lets the threads of each caller through one by one."""

    _locks: weakref.WeakValueDictionary[str, threading.Lock] = field(default_factory=weakref.WeakValueDictionary)
    _making: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """Wait for the caller's turn, and hold it while the block lasts."""
        with self._making:
            own = self._locks.setdefault(caller, threading.Lock())  # gone with the last who holds it
        with own:
            yield
