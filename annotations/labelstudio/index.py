"""What lies in one project there, in short, as it was last read: by it a round reads only what changed since.

Whatever an annotator does moves `updated_at` of the task, by the server's clock. A task that is deleted, and guesses
that are added or deleted many at once, show in the project's counts alone.

A round asks for what changed after the last change that it knows. Changes may come into sight out of their order, and
while what is sent from here is read back, so what was changed shortly before that is listed again: once OVERLAP_S have
gone by, or when the counts say that something was missed.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.remote import Counts, RemoteTask
from annotations.labelstudio.translation import tasks
from mmdemo.tasks import Task

OVERLAP_S = 30.0  # a change may come into sight that much later than one that was made after it
LONGEST_S = 86_400.0  # everything is read again after a day
EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Entry:
    """One task there, in short."""

    sample_id: str  # "": people made the task there themselves
    updated_at: datetime | None  # None: its annotations have to be looked at again
    annotations: int
    skips: int
    guesses: int
    unreadable: bool  # its annotations say no label of the task


class Index:
    """All tasks of one project there, and since when changes have to be asked for."""

    def __init__(self, task: Task, newest: datetime | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """`newest`: the last change there, at most the server's time, before all was read; `clock`: in seconds."""
        self._task, self._clock = task, clock
        self._entries: dict[int, Entry] = {}
        self._numbers: dict[str, set[int]] = {}  # sample id → its tasks
        self._began = clock()
        self._known = newest  # the last change there that a round knew of: what comes after it is asked for
        self._noted = newest  # the last change of a task that was read
        self._unsettled: set[int] = set()  # tasks of which annotations may have come that are counted and not read
        self._settled = newest and newest - timedelta(seconds=OVERLAP_S)  # up to here all that changed was listed
        self._swept = self._began  # when changes were last asked for since then
        # When a round ended, and up to where all will be settled by a sweep OVERLAP_S later; oldest first
        self._marks: deque[tuple[float, datetime]] = deque([(self._began, newest)] if newest else [])

    @property
    def waiting(self) -> int:
        """How many samples lie there that nobody annotated."""
        answered = {each.sample_id for each in self._entries.values() if each.annotations or each.skips}
        return len(self._numbers.keys() - answered)

    @property
    def unreadable(self) -> int:
        """How many tasks there have annotations that say no label of the task."""
        return sum(each.unreadable for each in self._entries.values())

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, number: int) -> bool:
        return number in self._entries

    def counts(self) -> Counts:
        """Return how much should lie there."""
        entries = self._entries.values()
        annotations, skips = sum(each.annotations for each in entries), sum(each.skips for each in entries)
        return Counts(len(entries), annotations, skips, sum(each.guesses for each in entries))

    def numbers_of(self, sample_ids: Iterable[str]) -> set[int]:
        """Return the tasks of these samples."""
        return {number for sample_id in sample_ids for number in self._numbers.get(sample_id, ())}

    def note(self, remotes: Iterable[RemoteTask], settled: bool = True) -> None:
        """Note tasks as they were just read; unless `settled` the next round has to look at their annotations."""
        for remote in remotes:
            at = remote.updated_at if settled else None
            self._noted = max(remote.updated_at, self._noted or remote.updated_at)
            self.drop([remote.id])
            if not settled:
                self._unsettled.add(remote.id)
            sample_id = tasks.sample_of(remote.data)
            skips = sum(each.cancelled for each in remote.annotations)
            answers = len(remote.annotations) - skips
            unreadable = tasks.is_unreadable(remote.annotations, self._task)
            entry = Entry(sample_id, at, answers, skips, len(remote.guesses), unreadable)
            self._entries[remote.id] = entry
            if sample_id:
                self._numbers.setdefault(sample_id, set()).add(remote.id)

    def drop(self, numbers: Collection[int]) -> None:
        """Note that these tasks lie there no longer."""
        for number in numbers:
            self._unsettled.discard(number)
            entry = self._entries.pop(number, None)
            if entry and entry.sample_id:
                left = self._numbers[entry.sample_id] - {number}
                if left:
                    self._numbers[entry.sample_id] = left
                else:
                    del self._numbers[entry.sample_id]

    def changed(self, client: Client, project: int, sweep: bool = False) -> tuple[list[RemoteTask], list[int]] | None:
        """Ask for the tasks that changed since they were noted, or are not noted yet; None: everything must be read.

        Return those that came whole, and noted; and the numbers of the others. Everything must be read after a day,
        and where the server's clock was set back. `sweep`: look again for what may have come into sight late. Raises
        LabelStudioError.
        """
        now, there = self._clock(), client.last_answer_at
        if now - self._began > LONGEST_S or (there and self._settled and there < self._settled):
            return None
        changes = self._late(client, project, now, sweep)
        remotes = client.changed_tasks(project, self._known)
        self.note(remotes)
        moments = [*(remote.updated_at for remote in remotes), *([self._known] if self._known else [])]
        self._known = last_change(moments, client.last_answer_at)
        entries = self._entries
        unread = [number for number, at in changes.items() if number not in entries or entries[number].updated_at != at]
        return remotes, unread

    def _late(self, client: Client, project: int, now: float, sweep: bool) -> dict[int, datetime]:
        """List again what changed up to what was listed, if told to or when it is time; return it."""
        due = bool(self._marks) and now - max(self._marks[0][0], self._swept) >= OVERLAP_S
        if self._known is None or not (sweep or due or self._unsettled):
            return {}
        changes = client.changed(project, self._settled, self._known)
        self._swept = now
        self._unsettled.clear()
        while self._marks and now - self._marks[0][0] >= OVERLAP_S:
            self._settled = self._marks.popleft()[1]
        return changes

    def mark(self, there: datetime | None) -> None:
        """Note how far a round came that ends now, by the server's time `there`."""
        self._known = last_change([self._noted] if self._noted else [], there)
        if self._known and self._known > (self._marks[-1][1] if self._marks else self._settled or EARLIEST):
            self._marks.append((self._clock(), self._known))


def last_change(moments: Iterable[datetime], there: datetime | None) -> datetime | None:
    """Return the last of these moments; where that is still to come by the server's time `there`, that time.

    The server says the second alone, so all of that is taken for past.
    """
    last = max(moments, default=None)
    return min(last, there + timedelta(seconds=1)) if last and there else last
