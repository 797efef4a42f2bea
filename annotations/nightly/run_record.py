"""What is written down of a run while it goes on: each step in its own transaction, so that a kill leaves it known."""

from collections.abc import Sequence

from annotations.nightly.dataset import Snapshot
from annotations.store import Store, runs, snapshots
from annotations.store.snapshots import SnapshotEntry
from mmdemo.values.review import Reason, Run


def start(store: Store, served: str | None, snapshot: Snapshot, before: runs.RunRow | None = None) -> int:
    """Write down that a run begins, and return its number.

    `before`: the run whose corrections it looks at once more; those that came since are still new to the next one.
    """
    digest, last = snapshot.digest, snapshot.last_correction
    if before is not None:
        digest, last = before.snapshot or "", before.last_correction
    with store.session() as session:
        run_id = runs.start(session, snapshot.task, served, digest, last, len(snapshot.rows))
        session.commit()
    return run_id


def note(store: Store, run_id: int, snapshot_rows: Sequence[SnapshotEntry] = (), **columns: object) -> None:
    """Write down columns of a run, and what it learned from and was judged on."""
    with store.session() as session:
        runs.note(session, run_id, **columns)
        snapshots.keep(session, run_id, snapshot_rows)
        session.commit()


def add_reasons(store: Store, run_id: int, more: Sequence[Reason]) -> Run:
    """Add sentences to those of a run."""
    with store.session() as session:
        run = runs.as_run(runs.get(session, run_id))
        runs.note(session, run_id, reasons=(*run.why, *more))
        session.commit()
        return runs.as_run(runs.get(session, run_id))


def end(store: Store, run_id: int, state: str, **columns: object) -> Run:
    """Write down how a run ended, and return it."""
    with store.session() as session:
        runs.finish(session, run_id, state, **columns)
        session.commit()
        return runs.as_run(runs.get(session, run_id))
