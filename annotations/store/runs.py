"""SQL about nights and about rounds with an outside server."""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.schema import RunRow, SyncRow, now
from annotations.store import facts
from annotations.store.labels import iso
from mmdemo.values.review import Reason, Run, RunState
from mmdemo.values.samples import to_json

RUNNING, DONE, FAILED = RunState


def start(
    session: Session,
    task: str,
    champion: str | None,
    snapshot: str | None,
    last_correction: int,
    corrections: int | None = None,
) -> int:
    """Write down that a night has begun and return its id; a caller that holds the night's lock closes stale ones.

    `corrections` counts the rows of the snapshot.
    """
    row = RunRow(
        task=task,
        state=RUNNING,
        reasons=[],
        figures={},
        champion=champion,
        snapshot=snapshot,
        corrections=corrections,
        last_correction=last_correction,
        started_at=now(),
    )
    session.add(row)
    session.flush()
    return row.id


def note(session: Session, run_id: int, **columns: object) -> None:
    """Write down columns of a night's run: any of verdict, reasons, figures, challenger, snapshot, last_correction."""
    row = session.get_one(RunRow, run_id)
    for name, value in columns.items():
        assert name in RunRow.__table__.columns, name
        setattr(row, name, to_json(value) if name == "reasons" else value)


def finish(session: Session, run_id: int, state: str = DONE, **columns: object) -> None:
    """Write down how a night ended, and these columns of its run."""
    note(session, run_id, **columns, state=state, finished_at=now())


def unfinished(session: Session, task: str) -> list[RunRow]:
    """Return the runs that say "running", oldest first."""
    query = select(RunRow).where(RunRow.task == task, RunRow.state == RUNNING)
    return list(session.scalars(query.order_by(RunRow.id)))


def challengers(session: Session, task: str, state: str, *verdicts: str) -> list[str]:
    """Return the versions that runs with this end made, newest run first; without verdicts: that came to none."""
    query = select(RunRow.challenger).where(RunRow.task == task, RunRow.state == state, RunRow.challenger.is_not(None))
    query = query.where(RunRow.verdict.in_(verdicts) if verdicts else RunRow.verdict.is_(None))
    return [name for name in session.scalars(query.order_by(RunRow.id.desc())) if name]


def compared(session: Session, task: str) -> list[RunRow]:
    """Return the runs that came to their end with a challenger, oldest first."""
    query = select(RunRow).where(RunRow.task == task, RunRow.state == DONE, RunRow.challenger.is_not(None))
    return list(session.scalars(query.order_by(RunRow.id)))


def all_challengers(session: Session, task: str) -> set[str]:
    """Return every version that a run wrote down as what it made."""
    query = select(RunRow.challenger).where(RunRow.task == task)
    return {name for name in session.scalars(query) if name}


def nameless(session: Session, task: str) -> list[tuple[datetime, datetime]]:
    """Return from when to when runs went that failed and did not write down what they made."""
    query = select(RunRow.started_at, RunRow.finished_at)
    query = query.where(RunRow.task == task, RunRow.state == FAILED, RunRow.challenger.is_(None))
    return [(start, end) for start, end in session.execute(query) if end is not None]


def of_task(session: Session, task: str, limit: int | None = None) -> list[RunRow]:
    """Return the runs of a task, newest first, at most `limit` of them."""
    return list(session.scalars(select(RunRow).where(RunRow.task == task).order_by(RunRow.id.desc()).limit(limit)))


def of_challenger(session: Session, task: str, version: str) -> RunRow | None:
    """Return the newest run that made this version."""
    query = select(RunRow).where(RunRow.task == task, RunRow.challenger == version)
    return session.scalar(query.order_by(RunRow.id.desc()).limit(1))


def verdicts(session: Session, task: str) -> dict[str, str | None]:
    """Return version → the verdict of the newest run that made it."""
    query = select(RunRow.challenger, RunRow.verdict).where(RunRow.task == task, RunRow.challenger.is_not(None))
    return {name: verdict for name, verdict in session.execute(query.order_by(RunRow.id)) if name}


def get(session: Session, run_id: int) -> RunRow:
    """Return one run."""
    return session.get_one(RunRow, run_id)


def last(session: Session, task: str, state: str | None = None, other_than: str | None = None) -> RunRow | None:
    """Return the newest run of a task, or the newest in `state` whose verdict is `other_than` that one."""
    query = select(RunRow).where(RunRow.task == task)
    if state:
        query = query.where(RunRow.state == state)
    if other_than:
        query = query.where(RunRow.verdict != other_than)
    return session.scalar(query.order_by(RunRow.id.desc()).limit(1))


def as_run(row: RunRow) -> Run:
    """Return the value that travels."""
    why = tuple(Reason(**reason) for reason in row.reasons)
    return Run(
        task=row.task,
        state=row.state,
        verdict=row.verdict,
        reasons=tuple(reason.sentence() for reason in why),
        figures=row.figures,
        champion=row.champion,
        challenger=row.challenger,
        started_at=iso(row.started_at),
        finished_at=iso(row.finished_at) if row.finished_at else None,
        why=why,
    )


def add_sync(session: Session, task: str, system: str, pushed: int, pulled: int) -> None:
    """Write down a round that went through; one that moved nothing takes the place of another such before it."""
    last = last_sync(session, task)
    if last is not None and last.system == system and not (pushed or pulled or last.pushed or last.pulled):
        last.at = now()
        return
    session.add(SyncRow(task=task, system=system, pushed=pushed, pulled=pulled, at=now()))


def note_trouble(session: Session, task: str, system: str, reason: Reason | None) -> None:
    """Write down why a task is not in step with an outside server, and since when; None: it is again."""
    name, before = _trouble(task, system), facts.get(session, _trouble(task, system))
    value = {} if reason is None else {"since": before.get("since", iso(now())), **to_json(reason)}
    facts.put(session, name, value)


def trouble(session: Session, task: str, system: str) -> tuple[Reason, ...]:
    """Return since when and why a task is not in step with an outside server, nothing where it is."""
    value = facts.get(session, _trouble(task, system))
    if not value:
        return ()
    return Reason("status.sync_trouble", {"since": value["since"]}), Reason(value["key"], value["values"])


def _trouble(task: str, system: str) -> str:
    return _fact(task, system)


def _fact(task: str, about: str) -> str:
    return f"{about[:12]}.{hashlib.sha256(task.encode()).hexdigest()[:24]}"


def note_succession(session: Session, task: str, system: str, reason: Reason | None) -> None:
    """Write down which projects of an outside server another took the place of; None: there are none."""
    facts.put(session, _fact(task, f"{system[:8]}.old"), {} if reason is None else to_json(reason))


def succession(session: Session, task: str, system: str) -> tuple[Reason, ...]:
    """Return what `note_succession` wrote down."""
    value = facts.get(session, _fact(task, f"{system[:8]}.old"))
    return (Reason(**value),) if value else ()


def note_probation(session: Session, task: str, reason: Reason | None) -> None:
    """Write down how the version that serves did when it was last looked at; None: it is not watched."""
    facts.put(session, _fact(task, "watch"), {} if reason is None else to_json(reason))


def probation(session: Session, task: str) -> Reason | None:
    """Return what `note_probation` wrote down."""
    value = facts.get(session, _fact(task, "watch"))
    return Reason(**value) if value else None


def last_sync(session: Session, task: str) -> SyncRow | None:
    """Return the newest round of a task."""
    return session.scalar(select(SyncRow).where(SyncRow.task == task).order_by(SyncRow.id.desc()).limit(1))
