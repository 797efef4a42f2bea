"""Serving an earlier version again: by command whichever there is, from the page one that was served before."""

from collections.abc import Collection

from annotations.nightly import gate, leftovers, unlearning
from annotations.store import Session, Store, runs
from mmdemo.errors import Conflict
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions


def to(store: Store, config: Settings, task: Task, version: str | None = None) -> str:
    """Serve that version, by default the newest that was served before, and return its name.

    One that learned what was taken back since serves no more. Raises UnknownName, Conflict, StorageError, and
    CheckpointError for one that does not fit its task as it is today.
    """
    versions = Versions(config)
    leftovers.tidy(store, config, task.name)  # else a killed run would be taken for one that was never served
    with store.reading() as session:
        tainted = unlearning.tainted(session, versions, task.name)
    if version is None:
        unfit = {info.version for info in versions.list(task.name) if not versions.fits(task, info.version)}
        return versions.rollback(task.name, {*tainted, *unfit})
    folder = versions.path(task.name, version)
    if version in versions.withdrawn(task.name):
        raise Conflict("version_withdrawn", version=version, task=task.name)
    if version in tainted:
        raise Conflict("version_learned_taken_back", version=version, task=task.name, count=tainted[version])
    sidecar.check(sidecar.read(folder), task, folder)
    versions.go_back(task.name, version)
    return version


def to_proven(store: Store, config: Settings, task: Task, version: str) -> None:
    """Serve a version that was served before.

    Raises Conflict for the one that serves and for one that its run did not put into service, and what `to` raises.
    """
    versions = Versions(config)
    versions.path(task.name, version)
    if versions.champion(task.name) == version:
        raise Conflict("serves_already", version=version, task=task.name)
    with store.reading() as session:
        if version not in proven(session, versions, task.name, [version]):
            raise Conflict("version_not_proven", version=version, task=task.name)
    to(store, config, task, version)


def proven(session: Session, versions: Versions, task: str, names: Collection[str]) -> set[str]:
    """Return those of these versions that were served before, are shipped, or were made by no run that could judge.

    None of them was withdrawn.
    """
    served, withdrawn, verdicts = versions.candidates(task), versions.withdrawn(task), runs.verdicts(session, task)
    return {
        name
        for name in names
        if name not in withdrawn and (name in served or verdicts.get(name, gate.PROMOTED) == gate.PROMOTED)
    }
