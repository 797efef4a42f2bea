"""What lies in one project there, in short, as it was last read: by it a round reads only what changed since.

Whatever an annotator does moves `updated_at` of the task, by the server's clock. A task that is deleted, and guesses
that are added or deleted many at once, show in the project's counts alone.
"""

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from annotations.labelstudio.connection.client import Client
from annotations.labelstudio.connection.remote import Counts, RemoteTask
from annotations.labelstudio.translation import tasks
from mmdemo.tasks import Task

OVERLAP_S = 30.0  # a change may come into sight that much later than one that was made after it
LONGEST_S = 86_400.0  # everything is read again after a day


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
        self._began = self._looked = clock()
        # Changes are asked for since the first; since the second once OVERLAP_S have gone by.
        self._since, self._next = newest and newest - timedelta(seconds=OVERLAP_S), newest

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
            self.drop([remote.id])
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
            entry = self._entries.pop(number, None)
            if entry and entry.sample_id:
                left = self._numbers[entry.sample_id] - {number}
                if left:
                    self._numbers[entry.sample_id] = left
                else:
                    del self._numbers[entry.sample_id]

    def changed(self, client: Client, project: int) -> list[int] | None:
        """Ask for the tasks that changed since they were noted, or are not noted yet; None: everything must be read.

        That is so after a day, and where the server's clock was set back. Raises LabelStudioError.
        """
        now, there = self._clock(), client.clock()
        if now - self._began > LONGEST_S or (there and self._since and there < self._since):
            return None
        changes = client.changed(project, self._since)
        if now - self._looked >= OVERLAP_S:
            newest = last_change([*changes.values(), *([self._next] if self._next else [])], there)
            self._since, self._next, self._looked = self._next, newest, now
        entries = self._entries
        return [number for number, at in changes.items() if number not in entries or entries[number].updated_at != at]


def last_change(moments: Iterable[datetime], there: datetime | None) -> datetime | None:
    """Return the last of these moments; where that is still to come by the server's time `there`, that time."""
    last = max(moments, default=None)
    return min(last, there) if last and there else last
