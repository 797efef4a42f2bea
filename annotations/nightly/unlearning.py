"""Which version learned samples of which nothing that was said stands any more, and which never did.

A correction that is withdrawn, or a sample that is erased, leaves the weights only with the version that learned it:
every challenger is trained from the base on what stands (annotations/retrain.py), so the next one never saw it. Kept
snapshots tell what a version learned, not its weights. What somebody trained further from such a version knows it too:
so of each version its whole line counts, as the sidecars name it.
"""

from collections.abc import Mapping

from annotations.schema import RunRow
from annotations.store import Session, labels, runs, snapshots
from mmdemo.errors import CheckpointError, UnknownName
from mmdemo.tasks import Task
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar


def learned(session: Session, versions: Versions, task: str, version: str) -> frozenset[str]:
    """Return the samples that a version was trained on here, or one that it comes from.

    Empty for a line that no run made, and for those of earlier releases, which did not keep what they learned.
    """
    origins = (_origin(session, versions, task, name) for name in (version, *ancestors(versions, task, version)))
    return frozenset(sample for run in origins if run for sample in _learned(session, run.id))


def considered(session: Session, versions: Versions, task: str, version: str) -> frozenset[str]:
    """Return the samples that a version could have been trained on: also those that its run left out of that."""
    run = _origin(session, versions, task, version)
    entries = snapshots.of_run(session, run.id) if run else ()
    return frozenset(entry.sample_id for entry in entries if entry.split in snapshots.LEARNABLE)


def taken_back(session: Session, task: str, samples: frozenset[str]) -> frozenset[str]:
    """Return those of the samples of which nothing that was said stands any more."""
    return samples - labels.standing_among(session, task, samples)


def tainted(session: Session, versions: Versions, task: str) -> dict[str, int]:
    """Return version → how many samples of which nothing that was said stands it, or one it comes from, learned."""
    counts = snapshots.count_taken_back(session, task)
    if not counts:
        return {}
    parents = {info.version: info.parent for info in versions.list(task)}
    lines = {name: [name, *line_of(parents, name)] for name in parents.keys() | runs.all_challengers(session, task)}
    names = {name for line in lines.values() for name in line}
    origins = {name: run for name in names if (run := _origin(session, versions, task, name))}
    own = {name: counts[run.id] for name, run in origins.items() if run.id in counts}
    known = {name: [own[one] for one in line if one in own] for name, line in sorted(lines.items())}
    return {name: max(some) for name, some in known.items() if some}


def ancestors(versions: Versions, task: str, version: str) -> list[str]:
    """Return the parent of a version, the parent of that, and so on, as far as they are there to tell."""
    return line_of({info.version: info.parent for info in versions.list(task)}, version)


def line_of(parents: Mapping[str, str | None], version: str) -> list[str]:
    """Return the same from what each version's parent is."""
    line: list[str] = []
    parent = parents.get(version)
    while parent and parent not in line:
        line.append(parent)
        parent = parents.get(parent)
    return line


def untainted(session: Session, versions: Versions, task: Task) -> str:
    """Return the newest version that was served and is known to have learned nothing that was taken back.

    At last that is the base, or what it comes from; "" where these learned such too. One that does not fit the task as
    it is today is none.
    """
    suspects = tainted(session, versions, task.name)
    for name in versions.candidates(task.name):
        if name not in suspects and versions.fits(task, name) and _is_known(session, versions, task.name, name):
            return name
    base = versions.base(task.name)
    line = [base, *ancestors(versions, task.name, base)]
    return next((name for name in line if name not in suspects and versions.fits(task, name)), "")


def _is_known(session: Session, versions: Versions, task: str, version: str) -> bool:
    """Whether it is known what a version learned here, and those it comes from: what no run made learned nothing."""
    for name in (version, *ancestors(versions, task, version)):
        about, run = _read(versions, task, name), _origin(session, versions, task, name)
        is_retrained = run is not None or (about is not None and about.command.startswith(sidecar.RETRAINED))
        if is_retrained and not (run and snapshots.kept(session, [run.id])):
            return False
    return True


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
