"""What was worked out of the last few things that somebody holds, in memory, and only as long as they hold them."""

import threading
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

MOST = 4  # of which something is remembered: a closer look asks again and again about the same one


Thing = TypeVar("Thing")
Found = TypeVar("Found")


class Recent(Generic[Thing, Found]):
    """Values by the very object that they belong to. When nobody holds that any more, its value goes with it.

    So whoever lets go of a sample need not know of this. A value must not hold its object. Threads may share it.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._found: dict[int, tuple[weakref.ref[Thing], Found]] = {}  # by id, the latest asked for last

    def __len__(self) -> int:
        return len(self._found)

    def get(self, thing: Thing, make: Callable[[], Found]) -> Found:
        """Return the value of a thing, made by `make` where there is none; raises what that raises."""
        key = id(thing)
        known = self._found.get(key)
        if known is None or known[0]() is not thing:
            # The callback takes no lock: it runs wherever the last reference falls, maybe within one.
            known = weakref.ref(thing, lambda _: self._found.pop(key, None)), make()
        with self._lock:
            self._found.pop(key, None)
            self._found[key] = known
            for other in list(self._found)[: -self._most]:
                self._found.pop(other, None)
        return known[1]
