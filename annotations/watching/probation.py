"""A version that was promoted is watched: what is sent since, drawn at random, and answered by people, judges it.

The version that served before answers the same samples. Where that is surely better the newer one falls short of what
it was promoted for: it is taken out of service for good, and the one before serves again. Nobody need ask for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import mmdemo
from annotations.nightly import gate, unlearning
from annotations.panel import asking
from annotations.review_queue import stored_samples
from annotations.review_queue.stored_samples import LeftOut
from annotations.schema import RunRow
from annotations.store import Session, Store, panel, runs, snapshots
from annotations.watching import martingale
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Reason
from mmdemo.versions.registry import Versions

if TYPE_CHECKING:
    from mmdemo.prediction.predictor import Predictor

OUT = "status.watch_out"  # the sentence that ends a version


@dataclass(frozen=True)
class Probation:
    """How the version that serves has done since it was promoted, beside the one before."""

    version: str
    before: str
    answered: int  # samples that judge it, which people and both versions answered
    gained: int  # of which it alone is right
    lost: int  # of which the version before alone is
    level: float  # chance of a false rollback that it may take
    left_out: tuple[LeftOut, ...] = ()  # samples that would judge it, of which the version before cannot be asked

    @property
    def evidence(self) -> float:
        """How much speaks for its being worse: see `martingale.against`."""
        return martingale.against(self.lost, self.gained)

    @property
    def falls_short(self) -> bool:
        """Whether it is surely worse than the version before."""
        return self.evidence * self.level >= 1

    @property
    def numbers(self) -> dict[str, str | int | float]:
        """What sentences say of it."""
        names = ("version", "before", "answered", "gained", "lost", "level")
        return {name: getattr(self, name) for name in names}

    def reason(self) -> Reason:
        """Say how it stands."""
        needed = martingale.losses_needed(self.gained, self.level)
        return Reason("status.watched", {**self.numbers, "needed": needed})

    def unread(self) -> tuple[Reason, ...]:
        """Name the samples that would judge it, and cannot be read."""
        return stored_samples.reason("status.watch_left_out", self.left_out)

    def out(self) -> Reason:
        """Say why it was taken out of service."""
        return Reason(OUT, self.numbers)


def standing(session: Session, versions: Versions, task: Task) -> Probation | None:
    """Return how the version that serves does; None where it is not watched.

    That is one that no run promoted, one that only forgot what was taken back, and one before which nothing is left
    that could serve again.
    """
    run = _promotion(session, versions, task)
    if run is None or run.challenger is None or run.champion is None:
        return None
    judged = panel.answered(session, task.name, run.challenger)
    theirs = panel.values(session, run.champion, [one.row.sample_id for one in judged])
    pairs = [
        (task.is_right(one.row.predicted_value, one.value), task.is_right(theirs[one.row.sample_id], one.value))
        for one in judged
        if one.row.sample_id in theirs and task.takes(one.value)
    ]
    number = _number(session, task, run)
    gained, lost = pairs.count((True, False)), pairs.count((False, True))
    return Probation(run.challenger, run.champion, len(pairs), gained, lost, martingale.level(number))


def judge(
    store: Store,
    config: Settings,
    task: Task,
    load: Callable[[Task, str, Settings], Predictor] | None = None,
) -> Probation | None:
    """Have the version before answer what came since, and serve it again where it is surely better.

    The caller holds the night's lock. Raises StorageError, CheckpointError.
    """
    versions = Versions(config)
    versions.settle(task.name)
    with store.reading() as session:
        watched = standing(session, versions, task)
        due = panel.unanswered(session, task.name, watched.version, watched.before) if watched else ()
    if watched and due:
        load_before = partial(load or mmdemo.Predictor, task, watched.before, config)
        left_out = asking.ask(store, task, load_before, watched.before, due).left_out
        with store.reading() as session:
            watched = standing(session, versions, task)
        watched = replace(watched, left_out=left_out) if watched else None
    if watched and watched.falls_short:
        _take_out(store, versions, task, watched)
    with store.session() as session:
        runs.note_probation(session, task.name, watched.reason() if watched and not watched.falls_short else None)
        session.commit()
    return watched


def last_noted(session: Session, versions: Versions, task: Task) -> Reason | None:
    """Return how the version that serves did when it was last looked at; None: it was not yet, or is not watched."""
    reason = runs.probation(session, task.name)
    is_of_it = reason and versions.serves(task.name) and reason.values["version"] == versions.champion(task.name)
    return reason if is_of_it else None


def why_ended(session: Session, versions: Versions, task: Task) -> Reason | None:
    """Return why the newest promotion was ended, while the version before serves again; None where it was not."""
    withdrawn = versions.withdrawn(task.name)
    promoted = _promotions(session, task) if withdrawn else []
    if not promoted or promoted[-1].challenger not in withdrawn:
        return None
    reason = next((Reason(**each) for each in reversed(promoted[-1].reasons) if each["key"] == OUT), None)
    serves_again = reason and versions.serves(task.name) and reason.values["before"] == versions.champion(task.name)
    return reason if serves_again else None


def learned_by_withdrawn(session: Session, versions: Versions, task: str) -> dict[str, dict[str, str]]:
    """Return version → sample → label, of those that were taken out of service: what learns the same is one again."""
    learned = {}
    for version in versions.withdrawn(task):
        row = runs.of_challenger(session, task, version)
        entries = snapshots.of_run(session, row.id) if row else ()
        learned[version] = {entry.sample_id: entry.value for entry in entries if entry.split == snapshots.TRAIN}
    return learned


def _promotion(session: Session, versions: Versions, task: Task) -> RunRow | None:
    """Return the run that promoted the version that serves, if the one before could serve again."""
    if not versions.serves(task.name):
        return None
    row = runs.of_challenger(session, task.name, versions.champion(task.name))
    if row is None or row.champion is None or row not in _promotions(session, task):
        return None
    refused = {*versions.withdrawn(task.name), *unlearning.tainted(session, versions, task.name)}
    return row if row.champion not in refused and versions.fits(task, row.champion) else None


def _promotions(session: Session, task: Task) -> list[RunRow]:
    """Return the runs that promoted a version that was shown to be better, oldest first."""
    rows = runs.compared(session, task.name)
    return [row for row in rows if row.verdict == gate.PROMOTED and "taken_back" not in row.figures]


def _number(session: Session, task: Task, run: RunRow) -> int:
    """Return the place of a promotion among those of its month, from 1."""
    moments = [row.started_at for row in _promotions(session, task) if row.id <= run.id]
    return sum((each.year, each.month) == (run.started_at.year, run.started_at.month) for each in moments)


def _take_out(store: Store, versions: Versions, task: Task, watched: Probation) -> None:
    """Serve the version before for good, and write down why: the reason first, which a stop then leaves known."""
    with store.session() as session:
        row = runs.of_challenger(session, task.name, watched.version)
        assert row is not None
        reasons = [Reason(**each) for each in row.reasons if each["key"] != OUT]
        runs.note(session, row.id, reasons=(*reasons, watched.out()))
        session.commit()
    versions.withdraw(task.name, watched.version, watched.before)
