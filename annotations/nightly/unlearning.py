"""Which version learned samples of which nothing that was said stands any more, and which never did.

A correction that is withdrawn, or a sample that is erased, leaves the weights only with the version that learned it:
every challenger is trained from the base on what stands (annotations/retrain.py), so the next one never saw it. Kept
snapshots tell what a version learned, not its weights.
"""

from annotations.schema import RunRow
from annotations.store import Session, labels, runs, snapshots
from mmdemo.errors import CheckpointError, UnknownName
from mmdemo.tasks import Task
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar


def learned(session: Session, versions: Versions, task: str, version: str) -> frozenset[str]:
    """Return the samples that a version was trained on.

    Empty for a version that no run made, and for those of earlier releases, which did not keep what they learned.
    """
    run = _origin(session, versions, task, version)
    return _learned(session, run.id) if run else frozenset()


def considered(session: Session, versions: Versions, task: str, version: str) -> frozenset[str]:
    """Return the samples that a version could have been trained on: also those that its run left out of that."""
    run = _origin(session, versions, task, version)
    entries = snapshots.of_run(session, run.id) if run else ()
    return frozenset(entry.sample_id for entry in entries if entry.split in snapshots.LEARNABLE)


def taken_back(session: Session, task: str, samples: frozenset[str]) -> frozenset[str]:
    """Return those of the samples of which nothing that was said stands any more."""
    return samples - frozenset(session.scalars(labels.standing_samples(session, task))) if samples else samples


def tainted(session: Session, versions: Versions, task: str) -> dict[str, int]:
    """Return version → how many samples it learned of which nothing that was said stands."""
    counts = snapshots.count_taken_back(session, task)
    if not counts:
        return {}
    names = {info.version for info in versions.list(task)} | runs.all_challengers(session, task)
    origins = {name: _origin(session, versions, task, name) for name in sorted(names)}
    return {name: counts[run.id] for name, run in origins.items() if run and run.id in counts}


def untainted(session: Session, versions: Versions, task: Task) -> str:
    """Return the newest version that was served and is known to have learned nothing that was taken back.

    At last that is the base. One that does not fit the task as it is today is none.
    """
    suspects = tainted(session, versions, task.name)
    for name in versions.candidates(task.name):
        if name not in suspects and versions.fits(task, name) and _is_known(session, versions, task.name, name):
            return name
    return versions.base(task.name)


def _is_known(session: Session, versions: Versions, task: str, version: str) -> bool:
    """Whether it is known what a version learned here: those that no run made learned nothing."""
    about = _read(versions, task, version)
    if about and not about.command.startswith(sidecar.RETRAINED):
        return True
    run = _origin(session, versions, task, version)
    return run is not None and bool(snapshots.kept(session, [run.id]))


def _origin(session: Session, versions: Versions, task: str, version: str) -> RunRow | None:
    """Return the run that made a version, or the one of which it is a copy with other temperatures or thresholds."""
    if run := runs.of_challenger(session, task, version):
        return run
    about = _read(versions, task, version)
    if about is None or not about.command.startswith(sidecar.RETRAINED):
        return None
    others = (_read(versions, task, info.version) for info in versions.list(task))
    twins = [one.version for one in others if one and (one.data, one.created_at) == (about.data, about.created_at)]
    return next((run for name in twins if (run := runs.of_challenger(session, task, name))), None)


def _read(versions: Versions, task: str, version: str) -> Sidecar | None:
    try:
        return sidecar.read(versions.path(task, version))
    except (CheckpointError, UnknownName):
        return None


def _learned(session: Session, run_id: int) -> frozenset[str]:
    entries = snapshots.of_run(session, run_id)
    return frozenset(entry.sample_id for entry in entries if entry.split == snapshots.TRAIN)
