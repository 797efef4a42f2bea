"""What a version learned that nobody says any more, and which version never did. Kept snapshots tell, not weights.

A correction that is withdrawn, or a sample that is erased, leaves the weights only with the version that learned it:
every challenger is trained from the base on what stands (annotations/retrain.py), so the next one never saw it.
"""

from annotations.store import Session, labels, runs, snapshots
from mmdemo.versions.registry import Versions


def learned(session: Session, task: str, version: str) -> frozenset[str]:
    """Return the samples that a version was trained on.

    Empty for a version that no run made, and for those of earlier releases, which did not keep what they learned.
    """
    run = runs.of_challenger(session, task, version)
    return _learned(session, run.id) if run else frozenset()


def taken_back(session: Session, task: str, samples: frozenset[str]) -> frozenset[str]:
    """Return those of the samples of which nothing that was said stands any more."""
    return samples - _standing(session, task) if samples else samples


def tainted(session: Session, task: str) -> dict[str, int]:
    """Return version → how many samples it learned of which nothing that was said stands."""
    standing = _standing(session, task)
    rows = [row for row in runs.compared(session, task) if row.challenger]
    counts = {str(row.challenger): len(_learned(session, row.id) - standing) for row in rows}
    return {version: count for version, count in counts.items() if count}


def untainted(session: Session, versions: Versions, task: str) -> str:
    """Return the newest version that was served and of which it is known that it learned nothing that was taken back.

    At last that is the base.
    """
    suspects = tainted(session, task)
    for name in versions.candidates(task):
        run = runs.of_challenger(session, task, name)
        if name not in suspects and (run is None or snapshots.kept(session, [run.id])):
            return name
    return versions.base(task)


def _learned(session: Session, run_id: int) -> frozenset[str]:
    entries = snapshots.of_run(session, run_id)
    return frozenset(entry.sample_id for entry in entries if entry.split == snapshots.TRAIN)


def _standing(session: Session, task: str) -> frozenset[str]:
    return frozenset(item.correction.sample_id for item in labels.corrections(session, task))
