"""What was worked out lately, kept in memory and bounded in bytes: what was asked for longest ago goes first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class BoundedMemory(Generic[Key, Value]):
    """Values by key, of which each takes so many bytes. Threads may share it."""

    def __init__(
        self, most_bytes: int, size_of: Callable[[Value], int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most_bytes = most_bytes
        self.size = 0  # bytes of all values that are kept
        self._size_of = size_of
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[float, int, Value]] = OrderedDict()  # … → when asked for last, bytes, value

    def get(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """Return the values of those that are kept."""
        kept, now = {}, self._clock()
        with self._lock:
            for key in keys:
                if key in self._kept:
                    _, size, kept[key] = self._kept.pop(key)
                    self._kept[key] = now, size, kept[key]
        return kept

    def put(self, values: Mapping[Key, Value]) -> None:
        """Keep values, and let go of what there is no room for."""
        now = self._clock()
        with self._lock:
            for key, value in values.items():
                self._drop(key)
                size = self._size_of(value)
                self._kept[key] = now, size, value
                self.size += size
            while self.size > self.most_bytes:
                self._drop(next(iter(self._kept)))

    def forget(self, unasked_s: float = 0.0) -> None:
        """Let go of all that nobody asked about in so many seconds."""
        with self._lock:
            for key in [key for key, (at, *_) in self._kept.items() if self._clock() - at >= unasked_s]:
                self._drop(key)

    def _drop(self, key: Key) -> None:
        if key in self._kept:
            self.size -= self._kept.pop(key)[1]
