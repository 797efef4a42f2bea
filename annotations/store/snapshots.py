"""SQL about what runs learned from and were judged on: one row a sample, kept with each run that trained a version."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, func, not_, or_, select, update
from sqlalchemy.orm import Session

from annotations.schema import CorrectionRow, RunRow, SampleRow, SnapshotRow
from annotations.store import tallies
from annotations.store.samples import HAS_CONTENT

TRAIN, HELD_OUT, GOLDEN = "train", "held_out", "golden"
SUSPECT, COPY = "suspect", "copy"  # what the run could have trained on and left out
LEARNABLE = (TRAIN, SUSPECT, COPY)
_NOTHING: dict[str, str | None] = {
    "value": "",
    "champion_value": None,
    "challenger_value": None,
    "champion_confidence": None,
    "challenger_confidence": None,
}
_ENTRY = (
    SnapshotRow.sample_id,
    SnapshotRow.value,
    SnapshotRow.split,
    SnapshotRow.champion_value,
    SnapshotRow.challenger_value,
    SnapshotRow.champion_confidence,
    SnapshotRow.challenger_confidence,
)


@dataclass(frozen=True)
class SnapshotEntry:
    """One sample of a run's snapshot, with what it was said to be then."""

    sample_id: str
    value: str
    split: str  # TRAIN, HELD_OUT, GOLDEN, SUSPECT, COPY
    champion: str | None = None  # what the version before answered, where the sample was not trained on
    challenger: str | None = None  # … and the new one
    champion_confidence: float | None = None  # how sure it was; None: not asked, or not written down
    challenger_confidence: float | None = None


def keep(session: Session, run_id: int, entries: Sequence[SnapshotEntry]) -> None:
    """Write down a run's snapshot; of samples that were erased while the run was at work, their ids alone."""
    tallies.note_snapshots(session, [run_id])
    session.add_all(
        SnapshotRow(
            run_id=run_id,
            sample_id=entry.sample_id,
            value=entry.value,
            split=entry.split,
            champion_value=entry.champion,
            challenger_value=entry.challenger,
            champion_confidence=entry.champion_confidence,
            challenger_confidence=entry.challenger_confidence,
        )
        for entry in entries
    )
    session.flush()
    erased = select(SampleRow.sample_id).where(not_(HAS_CONTENT))
    of_run = update(SnapshotRow).where(SnapshotRow.run_id == run_id)
    session.execute(of_run.where(SnapshotRow.sample_id.in_(erased)).values(_NOTHING))


def erase(session: Session, sample_id: str) -> int:
    """Take out what a sample was said to be, and return of how many runs' snapshots: its id alone is left in them."""
    said = or_(*(getattr(SnapshotRow, name).is_distinct_from(nothing) for name, nothing in _NOTHING.items()))
    of_sample = update(SnapshotRow).where(SnapshotRow.sample_id == sample_id, said).values(_NOTHING)
    run_ids = session.scalars(of_sample.returning(SnapshotRow.run_id)).all()
    tallies.note_snapshots(session, run_ids)
    return len(run_ids)


def of_run(session: Session, run_id: int) -> tuple[SnapshotEntry, ...]:
    """Return a run's snapshot by sample id; empty where it was not kept."""
    query = select(SnapshotRow).where(SnapshotRow.run_id == run_id).order_by(SnapshotRow.sample_id)
    return tuple(_entry(row) for row in session.scalars(query))


def judged(
    session: Session, run_ids: Sequence[int], sides: Sequence[str] = (HELD_OUT,)
) -> dict[int, list[SnapshotEntry]]:
    """Return run → the samples of these sides on which it asked both versions, by sample id; of runs that kept them."""
    row = SnapshotRow
    query = select(row.run_id, *_ENTRY).where(row.run_id.in_(run_ids), row.split.in_(sides))
    query = query.where(row.champion_value.is_not(None), row.challenger_value.is_not(None))
    by_run: dict[int, list[SnapshotEntry]] = {}
    for one in session.execute(query.order_by(row.sample_id)):
        by_run.setdefault(one.run_id, []).append(_entry(one))
    return by_run


def count_taken_back(session: Session, task: str) -> dict[int, int]:
    """Return run → how many samples it trained on of which no correction stands any more; only runs with some."""
    withdrawn = select(CorrectionRow.sample_id).where(CorrectionRow.withdrawn_at.is_not(None))
    taken_back = select(SampleRow.sample_id).where(SampleRow.task == task, SampleRow.sample_id.in_(withdrawn))
    taken_back = taken_back.where(or_(SampleRow.standing_id.is_(None), not_(HAS_CONTENT)))
    query = select(SnapshotRow.run_id, func.count())
    query = query.where(SnapshotRow.sample_id.in_(taken_back), SnapshotRow.split == TRAIN)
    return dict(session.execute(query.group_by(SnapshotRow.run_id)).all())


def of_sample(session: Session, sample_id: str) -> list[tuple[RunRow, SnapshotEntry]]:
    """Return the runs whose snapshot holds a sample, oldest first, each with its row."""
    query = select(RunRow, SnapshotRow).join(SnapshotRow, SnapshotRow.run_id == RunRow.id)
    query = query.where(SnapshotRow.sample_id == sample_id).order_by(RunRow.id)
    return [(run, _entry(row)) for run, row in session.execute(query)]


def kept(session: Session, run_ids: Sequence[int]) -> set[int]:
    """Return which of these runs kept their snapshot."""
    any_row = exists().where(SnapshotRow.run_id == RunRow.id)
    return set(session.scalars(select(RunRow.id).where(RunRow.id.in_(run_ids), any_row)))


def _entry(row: Any) -> SnapshotEntry:
    """Return an entry of a row, or of its columns `_ENTRY`."""
    confidences = row.champion_confidence, row.challenger_confidence
    return SnapshotEntry(row.sample_id, row.value, row.split, row.champion_value, row.challenger_value, *confidences)
