"""The retraining runs of a task, one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass

from annotations.schema import RunRow
from annotations.store import Store, runs, snapshots
from annotations.store.labels import iso
from mmdemo.values.review import Reason


@dataclass(frozen=True)
class RunReport:
    """One retraining run and what was written down of it."""

    task: str
    started_at: str  # UTC, ISO 8601 with seconds
    finished_at: str | None
    state: str  # running | done | failed
    verdict: str | None
    sentences: tuple[str, ...]  # why, in English
    champion: str | None
    challenger: str | None
    corrections: int | None  # rows of its snapshot; None: not written down
    snapshot: str | None  # SHA-256 over ids and labels
    snapshot_kept: bool  # the rows too
    figures: Mapping[str, object]


def of_task(store: Store, task: str, limit: int) -> list[RunReport]:
    """Return the runs of a task, newest first. Raises StorageError."""
    with store.reading() as session:
        rows = runs.of_task(session, task, limit)
        kept = snapshots.kept(session, [row.id for row in rows])
    return [_night(row, row.id in kept) for row in rows]


def _night(row: RunRow, kept: bool) -> RunReport:
    return RunReport(
        task=row.task,
        started_at=iso(row.started_at),
        finished_at=iso(row.finished_at) if row.finished_at else None,
        state=row.state,
        verdict=row.verdict,
        sentences=tuple(Reason(**reason).sentence() for reason in row.reasons),
        champion=row.champion,
        challenger=row.challenger,
        corrections=_size(row),
        snapshot=row.snapshot,
        snapshot_kept=kept,
        figures=row.figures,
    )


def _size(row: RunRow) -> int | None:
    """Return how many corrections a run read; of an earlier release's it follows from its figures where it trained."""
    parts = [row.figures.get(name) for name in ("trained_on", "held_out")]
    if row.corrections is None and None not in parts:
        return sum(int(part) for part in parts if part is not None)
    return row.corrections
