"""Wrong review keys by caller: a few are forgiven, then each locks the caller out, twice as long as the one before.

Nothing sleeps meanwhile: who comes before its time is turned away unheard. So a caller that is locked out learns
nothing about the keys that it tries, and the right one still works from everywhere else.
"""

import hmac
import logging
import math
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from mmdemo.errors import NotAllowed
from mmdemo.settings import Settings

MOST_CALLERS = 10_000  # that are remembered; the one that was wrong longest ago goes first
LONGEST_S = 24 * 3_600.0  # of being locked out; who was not wrong for as long starts anew
SAME_KEYS = 8  # of a caller's last wrong keys that are known again

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class KeyGuesses:
    """What is remembered of one caller; no key that it tried follows from it."""

    wrong: int = 0  # keys, each different from those just before
    tried: tuple[bytes, ...] = ()
    last_at: float = -math.inf  # when the last was tried
    until: float = -math.inf  # it is locked out


class Guesses:
    """Who tried which wrong keys how often. Threads may share it."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = settings.wrong_keys
        self._locked_s = settings.locked_s
        self._clock = clock
        self._salt = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._records: OrderedDict[str, KeyGuesses] = OrderedDict()

    def check(self, caller: str) -> None:
        """Return unless the caller is locked out. Raises NotAllowed."""
        with self._lock:
            left = self._record(caller).until - self._clock()
        if left > 0:
            raise NotAllowed("review_key_locked", minutes=math.ceil(left / 60))

    def wrong(self, caller: str, key: bytes) -> None:
        """Remember a wrong key. The same one again is no new guess: a page that was left open repeats it."""
        digest = hmac.digest(self._salt, key, "sha256")
        with self._lock:
            record = self._record(caller)
            if digest in record.tried:
                return
            wrong, moment = record.wrong + 1, self._clock()
            locked_s = min(LONGEST_S, self._locked_s * 2.0 ** min(wrong - self._free, 64)) if wrong >= self._free else 0
            locked_s = locked_s if self._free else 0
            tried = (*record.tried, digest)[-SAME_KEYS:]
            self._records[caller] = KeyGuesses(wrong, tried, moment, moment + locked_s if locked_s else -math.inf)
            self._records.move_to_end(caller)
            if len(self._records) > MOST_CALLERS:
                self._records.popitem(last=False)
        if locked_s or wrong == 1:
            log.warning("Wrong review keys from %s: %d; locked out for %d s", caller, wrong, locked_s)

    def _record(self, caller: str) -> KeyGuesses:
        record = self._records.get(caller, KeyGuesses())
        return KeyGuesses() if self._clock() - record.last_at > LONGEST_S else record
