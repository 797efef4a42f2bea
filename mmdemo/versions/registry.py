"""Versions of a task's model: folders with a readable sidecar, and the pointer that says which one is served.

    versions/TASK/VERSION/    what `from_pretrained` loads, version.json, model_card.md
    versions/TASK/champion    one name; replaced atomically, so a reader sees the old or the new one
    versions/TASK/champion.copy   the same, in case that file is damaged
    versions/TASK/history     earlier champions, oldest first: where `rollback` goes
    versions/TASK/withdrawn   versions that are never served again
    versions/TASK/asking.json  what this home's random checks say about when people are asked
    versions/shared/           layers that several versions carry (shared_layers.py)

A name is the day of training and a counter behind `n`, `2026-11-24-n001`; the shipped one ends in `base`. Names sort
as they were made: `base` before `n001`, and a clock that was set back never gives a day before the newest version's.
The shipped checkpoint is a version like any other, and champion while no pointer exists, so a missing or read-only
home still serves it. Where the pointer is damaged, or names what is gone, its copy is served, then the newest of the
earlier champions; never a version that was not served before, which may have been rejected.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

from mmdemo import whole_file
from mmdemo.errors import CheckpointError, Conflict, StorageError, UnknownName
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import VersionInfo
from mmdemo.versions import card, local_rules, shared_layers, sidecar
from mmdemo.versions.shared_layers import SHIPPED
from mmdemo.versions.sidecar import Sidecar

CHAMPION = "champion"
COPY = "champion.copy"
HISTORY = "history"
WITHDRAWN = "withdrawn"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
_RESERVED = (CHAMPION, COPY, HISTORY, WITHDRAWN, local_rules.FILE)
REMOVED = ".removed-"  # begins the name of a folder that is being deleted


class Versions:
    """The versions of all tasks: those in the home folder and the shipped ones."""

    def __init__(self, settings: Settings, shipped: Path = SHIPPED) -> None:
        self._home = settings.versions
        self._shipped = shipped

    @property
    def shared(self) -> Path:
        """Where layers lie that several versions of this home carry."""
        return self._home / shared_layers.FOLDER

    def champion(self, task: str) -> str:
        """Return the version that is served: the first of `candidates`. Raises CheckpointError where there is none."""
        for name in self.candidates(task):
            return name
        raise CheckpointError("no_version", task=task, path=self._home / task)

    def candidates(self, task: str) -> Sequence[str]:
        """Return what may be served, best first, of what is there.

        That is the pointer's version, the one that its copy names, earlier champions from the newest on, and what is
        shipped; none that was withdrawn.
        """
        shipped = self._shipped_version(task)
        names = [*self._read(task, CHAMPION)[:1], *self._read(task, COPY)[:1], *reversed(self._read(task, HISTORY))]
        withdrawn = self.withdrawn(task)
        present = [name for name in names if name == shipped or self._is_here(task, name)]
        every = dict.fromkeys([*present, *([shipped] if shipped else [])])
        return tuple(name for name in every if name not in withdrawn)

    def base(self, task: str) -> str:
        """Return the version that retraining starts from: the champion's nearest ancestor that no retraining made.

        That is what is shipped, or what an engineer trained and promoted. Where an ancestor is gone it is what is
        shipped, and without that the eldest that is there. Raises CheckpointError where there is no champion.
        """
        shipped = self._shipped_version(task)
        name, passed = self.champion(task), set[str]()
        while name not in passed:
            passed.add(name)
            about = sidecar.read(self.path(task, name))
            parent = about.parent
            if parent is None or not about.command.startswith(sidecar.RETRAINED):
                break
            if parent != shipped and not self._is_here(task, parent):
                return shipped or name
            name = parent
        return name

    def pointed(self, task: str) -> str | None:
        """Return what the pointer names, "" where it names no version that there is; None without a pointer."""
        if not (self._home / task / CHAMPION).is_file():
            return None
        return next((name for name in self._read(task, CHAMPION)[:1] if name in self.candidates(task)), "")

    def serves(self, task: str) -> bool:
        """Tell whether there is a version to serve."""
        return self._served(task) is not None

    def model_card(self, task: str) -> str:
        """Return the card of the version that is served, as Markdown. Raises CheckpointError."""
        path = self.path(task, self.champion(task)) / card.FILE
        try:
            return path.read_text("utf-8")
        except OSError as error:
            raise CheckpointError("card_missing", path=path) from error

    def path(self, task: str, version: str) -> Path:
        """Return the folder of a version. Raises UnknownName with the list of those there are."""
        if _NAME.fullmatch(version) and version not in _RESERVED:
            folder = self.folder(task, version)
            if (folder / sidecar.FILE).is_file():
                return folder
            if version == self._shipped_version(task):
                return self._shipped / task
        names = ", ".join(info.version for info in self.list(task)) or "–"
        raise UnknownName("unknown_version", version=version, task=task, known=names)

    def folder(self, task: str, version: str) -> Path:
        """Return where a new version of that name belongs; it need not exist."""
        return self._home / task / version

    def promote(self, task: str, version: str) -> None:
        """Serve `version` from now on; the champion before it is remembered.

        Raises UnknownName, StorageError, Conflict for one that was withdrawn.
        """
        if version in self.withdrawn(task):
            raise Conflict("version_withdrawn", version=version, task=task)
        with reading(self.path(task, version)):  # nobody removes it meanwhile
            self.path(task, version)
            before = self._served(task)
            if before == version:
                return
            # The pointer moves last: a stop in between leaves the old champion, which `rollback` skips as served.
            if before is not None:
                self._write(task, HISTORY, (*self._read(task, HISTORY), before))
            self._point(task, version)

    def rollback(self, task: str, refused: Collection[str] = ()) -> str:
        """Serve the newest champion before this one that is not `refused` again, and return its name.

        Raises Conflict where there is none.
        """
        served = self._served(task)
        history = self._read(task, HISTORY)
        present = {info.version for info in self.list(task)} - {served, *self.withdrawn(task)}
        for place in reversed(range(len(history))):
            name = history[place]
            if name in present and name not in refused:
                self._point(task, name)
                self._write(task, HISTORY, history[:place])
                return name
        if names := sorted(present.intersection(history, refused)):
            raise Conflict("earlier_versions_refused", task=task, version=served, versions=", ".join(names))
        raise Conflict("no_earlier_version", task=task, version=served)

    def go_back(self, task: str, version: str) -> None:
        """Serve `version` again; champions after it are none to go back to any more. One that never served is promoted.

        Raises UnknownName, StorageError.
        """
        history = self._read(task, HISTORY)
        if version not in history:
            self.promote(task, version)
            return
        with reading(self.path(task, version)):
            self.path(task, version)
            self._point(task, version)
            self._write(task, HISTORY, history[: history.index(version)])

    def retire(self, task: str, versions: Collection[str]) -> None:
        """Take versions out of the earlier champions: nothing falls or goes back to them. Raises StorageError."""
        history = self._read(task, HISTORY)
        kept = tuple(name for name in history if name not in versions)
        if kept != history:
            self._write(task, HISTORY, kept)

    def withdrawn(self, task: str) -> tuple[str, ...]:
        """Return the versions that were taken out of service for good."""
        return self._read(task, WITHDRAWN)

    def withdraw(self, task: str, version: str, instead: str) -> None:
        """Take a version out of service for good, and serve another one. Raises UnknownName, StorageError."""
        with reading(self.path(task, instead)):
            self.path(task, instead)
            # First: a stop in between leaves the pointer at what is no candidate any more, and an earlier one serves
            self._write(task, WITHDRAWN, (*self.withdrawn(task), version))
            self._point(task, instead)
            history = [name for name in self._read(task, HISTORY) if name != version]
            self._write(task, HISTORY, tuple(history[: history.index(instead)] if instead in history else history))

    def settle(self, task: str) -> None:
        """Let the pointer name what serves, where a stop left it at a version that was being withdrawn."""
        if set(self._read(task, CHAMPION)[:1]) & set(self.withdrawn(task)):
            self._point(task, self.champion(task))

    def remove(self, task: str, version: str) -> bool:
        """Delete a version, unless it is served, was served, is shipped, or somebody is reading it. Tell whether.

        Raises StorageError.
        """
        folder = self.folder(task, version)
        if version in self.candidates(task) or not self._is_here(task, version):
            return False
        try:
            with (folder / sidecar.FILE).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if version in self.candidates(task):  # promoted just now
                    return False
                gone = folder.with_name(REMOVED + version)
                os.replace(folder, gone)  # whole, or not there
            shutil.rmtree(gone, ignore_errors=True)  # what is left goes with the next sweep
        except BlockingIOError:
            return False
        except OSError as error:
            raise StorageError("versions_not_writable", path=folder, detail=error.strerror) from error
        return True

    def new_name(self, task: str, day: date | None = None) -> str:
        """Return a name that sorts after every version there is; `day` defaults to today in UTC."""
        names = [info.version for info in self.list(task)]
        today = max([(day or datetime.now(UTC).date()).isoformat(), *(name[:10] for name in names)])
        used = [int(name[-3:]) for name in names if re.fullmatch(re.escape(today) + r"-n\d{3}", name)]
        return f"{today}-n{max(used, default=0) + 1:03d}"

    def fits(self, task: Task, version: str) -> bool:
        """Tell whether a version is there and answers its task as that is today."""
        try:
            folder = self.path(task.name, version)
            sidecar.check(sidecar.read(folder), task, folder)
        except (CheckpointError, UnknownName):
            return False
        return True

    def read_sidecar(self, folder: Path) -> Sidecar:
        """Return the sidecar of a version folder. Raises CheckpointError."""
        return sidecar.read(folder)

    def _served(self, task: str) -> str | None:
        try:
            return self.champion(task)
        except CheckpointError:
            return None

    def _shipped_version(self, task: str) -> str | None:
        folder = self._shipped / task
        return sidecar.read(folder).version if (folder / sidecar.FILE).is_file() else None

    def _is_here(self, task: str, name: str) -> bool:
        return (self.folder(task, name) / sidecar.FILE).is_file()

    def _read(self, task: str, name: str) -> tuple[str, ...]:
        """Return the names in one of the files; what a damaged one holds besides is none."""
        path = self._home / task / name
        try:
            words = path.read_text("utf-8", "replace").split()
            return tuple(word for word in words if _NAME.fullmatch(word) and word not in _RESERVED)
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise StorageError("versions_not_readable", path=path, detail=error.strerror) from error

    def _point(self, task: str, version: str) -> None:
        # Both are whole at any moment, and the pointer counts: until it moves the copy is not looked at.
        for name in (COPY, CHAMPION):
            self._write(task, name, (version,))

    def _write(self, task: str, name: str, lines: tuple[str, ...]) -> None:
        whole_file.write(self._home / task / name, "".join(f"{line}\n" for line in lines))

    # Last in the class: below it the name `list` is no longer the type.
    def list(self, task: str) -> Sequence[VersionInfo]:
        """Return the versions, newest first. Folders without a readable sidecar are none."""
        served = self._served(task)
        sidecars = {item.version: item for item in _sidecars(self._shipped / task, self._home / task)}
        return [
            VersionInfo(
                version=name,
                created_at=item.created_at,
                parent=item.parent,
                served=name == served,
                figures=dict(item.figures),
                measured_on=item.measured_on,
                measured=item.measured,
            )
            for name, item in sorted(sidecars.items(), reverse=True)
        ]


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Keep others from removing a version while its files are read."""
    try:
        file = (folder / sidecar.FILE).open("rb")
    except OSError:  # whoever reads it says what is wrong
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def _sidecars(shipped: Path, home: Path) -> Iterator[Sidecar]:
    for folder in (shipped, *(sorted(home.iterdir()) if home.is_dir() else ())):
        try:
            about = sidecar.read(folder)
        except CheckpointError:
            continue
        if folder == shipped or folder.name == about.version:
            yield about
