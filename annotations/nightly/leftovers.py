"""What a training leaves: a run that was killed is completed or undone, and versions that nobody will serve go.

A run writes down the name of its challenger before it trains, and its verdict before anything is put into service. So
of one that was killed it is known what it made, and how far it came.
"""

import contextlib
import logging
import shutil
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from annotations import media
from annotations.nightly import gate, lock
from annotations.schema import RunRow, now
from annotations.store import Store, labels, runs
from mmdemo import whole_file
from mmdemo.errors import Busy, CheckpointError, MmdemoError
from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.values.review import Reason
from mmdemo.values.samples import to_json
from mmdemo.versions import shared_layers, sidecar
from mmdemo.versions.registry import REMOVED, Versions

# A version that was being written, or deleted, when that was killed, and a file that was being written
_UNFINISHED = (".training-*", f"{REMOVED}*", whole_file.UNFINISHED)
_UNFINISHED_AGE_S = 3600.0  # a younger one may be somebody's at work


def tidy(store: Store, config: Settings, task: str) -> None:
    """Do as `clear`, unless a run is at work, which does so itself. Raises StorageError."""
    with contextlib.suppress(Busy), lock.night(config):
        clear(store, config, task)


def tidy_all(store: Store, config: Settings, tasks: Iterable[str]) -> None:
    """Do so for all tasks; what goes wrong is logged, and left for the next run."""
    for task in tasks:
        try:
            tidy(store, config, task)
        except (MmdemoError, OSError) as error:
            logging.getLogger(__name__).warning("%s", error)


def clear(store: Store, config: Settings, task: str) -> None:
    """Settle what killed runs left, and remove the versions that need not stay; the caller holds the night's lock.

    Raises StorageError.
    """
    versions = Versions(config)
    _settle(store, versions, task)
    _sweep(config.versions / task)
    _sweep(config.tokens / task)
    sweep_tokens(store, config, task)
    if not store.is_paired():  # another home's store knows nothing of these versions
        return
    with store.reading() as session:
        unjudged = runs.challengers(session, task, runs.FAILED)
        rejected = runs.challengers(session, task, runs.DONE, gate.REJECTED, gate.WAITING)
        times, challengers = runs.nameless(session, task), runs.all_challengers(session, task)
    old = [name for name in _made_within(versions, config, task, times) if name not in challengers]
    unserved = sorted({*rejected, *versions.withdrawn(task)}, reverse=True)  # the newest first
    present = [name for name in unserved if versions.folder(task, name).is_dir()]
    for name in (*unjudged, *old, *present[config.rejected_versions :]):
        if versions.remove(task, name):
            logging.getLogger(__name__).warning("%s", text("cli.version_removed", task=task, version=name))
    shared_layers.sweep(config.versions)


def sweep_tokens(store: Store, config: Settings, task: str) -> None:
    """Remove the files of tokens that no standing correction needs. Raises StorageError.

    A run at work writes a sample's file again that was removed under it, from memory.
    """
    with store.reading() as session:
        standing = set(session.scalars(labels.standing_samples(session, task)))
    media.keep_tokens_of(config.tokens / task, standing)


def _settle(store: Store, versions: Versions, task: str) -> None:
    """Close the runs that say "running": nobody is at work on them."""
    with store.session() as session:
        for row in runs.unfinished(session, task):
            if row.verdict and (row.verdict != gate.PROMOTED or versions.pointed(task) == row.challenger):
                row.state = runs.DONE  # it came to its end, and was killed before it could say so
            else:
                _undo(row)
            row.finished_at = now()
        session.commit()


def _undo(row: RunRow) -> None:
    row.state, row.verdict = runs.FAILED, None
    row.reasons = [to_json(Reason("status.night_interrupted"))]


def _made_within(
    versions: Versions, config: Settings, task: str, times: list[tuple[datetime, datetime]]
) -> Iterator[str]:
    """Yield the versions that a retraining made at these times, when runs did not write down what they made."""
    for info in versions.list(task):
        with contextlib.suppress(CheckpointError, ValueError):
            about = sidecar.read(versions.folder(task, info.version))
            created_at = datetime.fromisoformat(about.created_at).astimezone(UTC)
            if about.command.startswith(sidecar.RETRAINED) and any(start <= created_at <= end for start, end in times):
                yield info.version


def _sweep(folder: Path) -> None:
    for path in (path for pattern in _UNFINISHED for path in folder.glob(pattern)):
        with contextlib.suppress(OSError):  # it went meanwhile, or stays for the next run
            if time.time() - path.stat().st_mtime > _UNFINISHED_AGE_S:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
