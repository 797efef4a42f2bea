"""Versions of a task's model: folders with a readable sidecar, and the pointer that says which one is served.

    versions/TASK/VERSION/    what `from_pretrained` loads, version.json, model_card.md
    versions/TASK/champion    one name; replaced atomically, so a reader sees the old or the new one
    versions/TASK/history     earlier champions, oldest first: where `rollback` goes

A name is the day of training and a counter behind `n`, `2026-11-24-n001`; the shipped one ends in `base`. Names sort
as they were made: `base` before `n001`, and a clock that was set back never gives a day before the newest version's.
The shipped checkpoint is a version like any other, and champion while no pointer exists, so a missing or read-only
home still serves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from mmdemo import sidecar
from mmdemo.errors import CheckpointError, Conflict, StorageError, UnknownName
from mmdemo.review import VersionInfo
from mmdemo.settings import Settings
from mmdemo.sidecar import Sidecar

SHIPPED = Path(__file__).parent / "checkpoints"
CHAMPION = "champion"
HISTORY = "history"
CARD = "model_card.md"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
_RESERVED = (CHAMPION, HISTORY)


class Versions:
    """The versions of all tasks: those in the home folder and the shipped ones."""

    def __init__(self, settings: Settings, shipped: Path = SHIPPED) -> None:
        self._home = settings.versions
        self._shipped = shipped

    def champion(self, task: str) -> str:
        """Return the version that is served: the pointer's while its folder is there, else the shipped one.

        Raises CheckpointError where there is neither.
        """
        for name in self._read(task, CHAMPION)[:1]:
            if (self.folder(task, name) / sidecar.FILE).is_file():
                return name
        shipped = self._shipped_version(task)
        if shipped is None:
            raise CheckpointError("no_version", task=task, path=self._home / task)
        return shipped

    def serves(self, task: str) -> bool:
        """Tell whether there is a version to serve."""
        return self._served(task) is not None

    def model_card(self, task: str) -> str:
        """Return the card of the version that is served, as Markdown. Raises CheckpointError."""
        path = self.path(task, self.champion(task)) / CARD
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
        known = ", ".join(info.version for info in self.list(task)) or "–"
        raise UnknownName("unknown_version", version=version, task=task, known=known)

    def folder(self, task: str, version: str) -> Path:
        """Return where a new version of that name belongs; it need not exist."""
        return self._home / task / version

    def promote(self, task: str, version: str) -> None:
        """Serve `version` from now on; the champion before it is remembered. Raises UnknownName, StorageError."""
        self.path(task, version)
        before = self._served(task)
        if before == version:
            return
        # The pointer moves last: a stop in between leaves the old champion, which `rollback` skips as served.
        if before is not None:
            self._write(task, HISTORY, (*self._read(task, HISTORY), before))
        self._write(task, CHAMPION, (version,))

    def rollback(self, task: str) -> str:
        """Serve the champion before this one again and return its name. Raises Conflict where there is none."""
        served = self._served(task)
        history = self._read(task, HISTORY)
        present = {info.version for info in self.list(task)}
        for place in reversed(range(len(history))):
            name = history[place]
            if name != served and name in present:
                self._write(task, CHAMPION, (name,))
                self._write(task, HISTORY, history[:place])
                return name
        raise Conflict("no_earlier_version", task=task, version=served)

    def new_name(self, task: str, day: date | None = None) -> str:
        """Return a name that sorts after every version there is; `day` defaults to today in UTC."""
        names = [info.version for info in self.list(task)]
        today = max([(day or datetime.now(UTC).date()).isoformat(), *(name[:10] for name in names)])
        used = [int(name[-3:]) for name in names if re.fullmatch(re.escape(today) + r"-n\d{3}", name)]
        return f"{today}-n{max(used, default=0) + 1:03d}"

    def read_sidecar(self, folder: Path) -> Sidecar:
        """Return the sidecar of a version folder. Raises CheckpointError."""
        return sidecar.read(folder)

    def write_sidecar(self, folder: Path, card: Sidecar) -> None:
        """Write the sidecar of a version folder. Raises StorageError."""
        sidecar.write(folder, card)

    def _served(self, task: str) -> str | None:
        try:
            return self.champion(task)
        except CheckpointError:
            return None

    def _shipped_version(self, task: str) -> str | None:
        folder = self._shipped / task
        return sidecar.read(folder).version if (folder / sidecar.FILE).is_file() else None

    def _read(self, task: str, name: str) -> tuple[str, ...]:
        path = self._home / task / name
        try:
            return tuple(path.read_text("utf-8").split())
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise StorageError("versions_not_readable", path=path, detail=error.strerror) from error

    def _write(self, task: str, name: str, lines: tuple[str, ...]) -> None:
        sidecar.replace_file(self._home / task / name, "".join(f"{line}\n" for line in lines))

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


def _sidecars(shipped: Path, home: Path) -> Iterator[Sidecar]:
    for folder in (shipped, *(sorted(home.iterdir()) if home.is_dir() else ())):
        try:
            found = sidecar.read(folder)
        except CheckpointError:
            continue
        if folder == shipped or folder.name == found.version:
            yield found
