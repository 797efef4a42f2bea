"""What is kept of an answer: with its sender's leave, as far as there is room, and marked where the audit draws it.

Of one caller there is room for so many samples and bytes an hour, in all for so many bytes that nobody answered yet: so
there is room again as people answer. Answers to be trained on, and whatever reviewers do, are never refused.
"""

import contextlib
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from annotations import review_queue
from annotations.acquisition.audits import AuditSchedule
from annotations.store import Store, samples
from mmdemo.errors import NotKept
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import FlagReason, Inputs, Prediction

HOUR_S = 3_600.0
MEGABYTE = 1_000_000
ROW_BYTES = 20_000  # of a sample in the database, its map included, about
RECOUNT_S = 60.0  # what lies on disk is counted anew after, and before it is said that there is no room
MOST_CALLERS = 10_000  # that are remembered; the one that sent something longest ago goes first


@dataclass(frozen=True)
class Used:
    """What of its hourly share a caller has used; it comes back evenly, all of it in an hour."""

    samples: float = 0.0
    bytes: float = 0.0
    at: float = 0.0


class Quota:
    """What may still be kept here. Threads may share it."""

    def __init__(self, store: Store, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._samples = settings.kept_per_hour
        self._bytes = settings.kept_mb_per_hour * MEGABYTE
        self._whole = settings.unanswered_mb * MEGABYTE
        self._clock = clock
        self._lock = threading.Lock()
        self._used: OrderedDict[str, Used] = OrderedDict()
        self._kept = 0  # bytes that nobody answered yet
        self._counted_at = -math.inf

    def take(self, caller: str, size: int) -> None:
        """Return if a sample with files of `size` bytes may be kept for this caller, and count it. Raises NotKept."""
        with self._lock:
            used = self._of(caller)
            _check("kept_rate", used.samples + 1, self._samples, self._samples)
            _check("kept_size", used.bytes + size, self._bytes, self._bytes // MEGABYTE)
            self._room(size)
            self._used[caller] = Used(used.samples + 1, used.bytes + size, used.at)
            self._used.move_to_end(caller)
            if len(self._used) > MOST_CALLERS:
                self._used.popitem(last=False)

    def room(self, size: int) -> None:
        """Return if there is room for files of `size` bytes, whoever sent them, and count them. Raises NotKept."""
        with self._lock:
            self._room(size)

    def _of(self, caller: str) -> Used:
        now, used = self._clock(), self._used.get(caller, Used())
        back = (now - used.at) / HOUR_S
        return Used(max(0.0, used.samples - back * self._samples), max(0.0, used.bytes - back * self._bytes), now)

    def _room(self, size: int) -> None:
        if not self._whole:
            return
        own, moment = size + ROW_BYTES, self._clock()
        if moment - self._counted_at > RECOUNT_S:
            self._kept, self._counted_at = self._count(), moment
        if self._kept + own > self._whole:
            raise NotKept("kept_full", most=self._whole // MEGABYTE)
        self._kept += own

    def _count(self) -> int:
        with self._store.reading() as session:
            rows, files = samples.unanswered_files(session)
        size = rows * ROW_BYTES
        for name in files:
            with contextlib.suppress(OSError):  # erased meanwhile
                size += (self._store.media / name).stat().st_size
        return size


def _check(key: str, amount: float, limit: int, most: int) -> None:
    if limit and amount > limit:
        minutes = math.ceil(min(1.0, (amount - limit) / limit) * HOUR_S / 60)
        raise NotKept(key, minutes=minutes, most=most)


@dataclass(frozen=True)
class Keeper:
    """Keeps answers of callers, of each only so much; of this program itself (None) whatever there is room for.

    Threads may share it.
    """

    store: Store
    quota: Quota
    schedule: AuditSchedule

    def audit(self, task: Task, prediction: Prediction) -> float | None:
        """Return with which chance the audit drew a sure answer, None where it did not."""
        return None if prediction.flagged else self.schedule.chance(task, prediction)

    def keep(
        self,
        task: Task,
        inputs: Inputs,
        prediction: Prediction,
        caller: str | None,
        label: str | None = None,
        earlier: str | None = None,
        audit: float | None = None,
    ) -> Prediction:
        """Store what an answer calls for, and return it as it is kept. Raises NotKept and what `offer` raises.

        `audit` is what `audit` said when it was given, `label` what its sender says is right.
        """
        if audit is not None:
            prediction = replace(prediction, flagged=True, reason=FlagReason.AUDIT)
        share = self.schedule.share(task, prediction.model_version) if audit is None else audit
        admit = self.quota.room if caller is None else partial(self.quota.take, caller)
        _, prediction_id = review_queue.offer(
            self.store, task, inputs, prediction, share=share, suggested=label, earlier=earlier, admit=admit
        )
        return replace(prediction, prediction_id=prediction_id)

    def keep_if_room(self, task: Task, inputs: Inputs, prediction: Prediction, caller: str | None) -> Prediction:
        """Do as `keep`; where there is no room, return the answer with a note that says so."""
        try:
            return self.keep(task, inputs, prediction, caller, audit=self.audit(task, prediction))
        except NotKept as error:
            return replace(prediction, notes=(*prediction.notes, f"not_{error.key}"))
