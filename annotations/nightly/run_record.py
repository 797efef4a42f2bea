"""What is written down and printed of a run: each step in its own transaction, so that a kill leaves it known."""

from collections.abc import Sequence
from typing import Any

from annotations.nightly import gate
from annotations.nightly.dataset import Snapshot
from annotations.store import Store, runs, snapshots
from annotations.store.snapshots import SnapshotEntry
from mmdemo.values.review import Reason, Run
from mmdemo.versions.registry import Versions


def start(store: Store, served: str | None, snapshot: Snapshot) -> int:
    """Write down that a run begins, and return its number."""
    listed = snapshot.digest, snapshot.last_correction, len(snapshot.rows)
    with store.session() as session:
        run_id = runs.start(session, snapshot.task, served, *listed)
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


def serves(store: Store, run_id: int, versions: Versions) -> bool:
    """Whether the version that a run promoted serves already."""
    with store.reading() as session:
        run = runs.get(session, run_id)
        return run.verdict == gate.PROMOTED and versions.pointed(run.task) == run.challenger


def end(store: Store, run_id: int, state: str, **columns: object) -> Run:
    """Write down how a run ended, and return it."""
    with store.session() as session:
        runs.finish(session, run_id, state, **columns)
        session.commit()
        return runs.as_run(runs.get(session, run_id))


def as_json(run: Run) -> dict[str, Any]:
    """Return a run as the command prints it."""
    return {
        "task": run.task,
        "verdict": run.verdict,
        "reason": " ".join(run.reasons),
        "champion": run.champion,
        "challenger": run.challenger,
        "figures": run.figures,
        "state": run.state,
    }


def as_text(task_runs: Sequence[Run]) -> str:
    """Return the runs as the command prints them for people."""
    return "\n".join(
        line
        for run in task_runs
        for line in (
            f"{run.task}: {run.verdict or run.state} {run.challenger or ''}".strip(),
            *map("  {}".format, run.reasons),
        )
    )
