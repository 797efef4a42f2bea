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

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from mmdemo.errors import CheckpointError, Conflict, StorageError, UnknownName
from mmdemo.review import VersionInfo
from mmdemo.samples import to_json
from mmdemo.settings import ROOT, Settings
from mmdemo.tasks import Task

SHIPPED = Path(__file__).parent / "checkpoints"
SIDECAR = "version.json"
CHAMPION = "champion"
HISTORY = "history"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,99}")
_RESERVED = (CHAMPION, HISTORY)


@dataclass(frozen=True)
class Sidecar:
    """What stands beside the weights in version.json. Loading refuses one that does not fit its task."""

    version: str
    task: str
    kind: str
    labels: tuple[str, ...]  # in the order of the logits
    modalities: tuple[str, ...]
    created_at: str  # UTC, ISO 8601 with seconds
    parent: str | None = None  # the version that training started from
    data: str = ""  # SHA-256 of the training snapshot
    samples: int = 0  # rows that were trained on
    seed: int = 0
    command: str = ""  # how to train it again
    code_revision: str = ""
    # subset of the modalities, such as "image+text" or "image" → what its logits are divided by
    temperatures: Mapping[str, float] = field(default_factory=dict)
    # subset → distance of the features from training's, above which a sample is unlike what the model learned from
    familiarity: Mapping[str, float] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)  # on dev: accuracy, macro_f1, …
    dims: Mapping[str, int] = field(default_factory=dict)  # sizes of the model, such as parameters, features
    options: Mapping[str, Any] = field(default_factory=dict)  # hyperparameters


def subset(modalities: tuple[str, ...]) -> str:
    """Return the name of a subset of the modalities, given in the order of MODALITIES: `image+text`."""
    return "+".join(modalities)


def read_sidecar(folder: Path) -> Sidecar:
    """Return what stands in `folder/version.json`; fields of later releases are ignored. Raises CheckpointError."""
    try:
        raw = json.loads((folder / SIDECAR).read_text("utf-8"))
        known = {item.name: raw[item.name] for item in fields(Sidecar) if item.name in raw}
        return Sidecar(**{**known, "labels": tuple(raw["labels"]), "modalities": tuple(raw["modalities"])})
    except FileNotFoundError as error:
        raise CheckpointError("checkpoint_missing", path=folder) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError("checkpoint_broken", path=folder / SIDECAR, detail=repr(error)) from error


def write_sidecar(folder: Path, sidecar: Sidecar) -> None:
    """Write `folder/version.json`. Raises StorageError."""
    _replace(folder / SIDECAR, json.dumps(to_json(sidecar), ensure_ascii=False, indent=1) + "\n")


def check(sidecar: Sidecar, task: Task, folder: Path) -> None:
    """Raise CheckpointError where a version does not answer what the task asks."""
    wanted = {"kind": task.kind, "labels": task.label_names, "modalities": task.modalities}
    for name, value in wanted.items():
        found = getattr(sidecar, name)
        if found != value:
            raise CheckpointError(
                "checkpoint_does_not_fit", path=folder, task=task.name, field=name, found=found, wanted=value
            )


def now() -> str:
    """Return this second in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def code_revision() -> str:
    """Return the commit of this code, "" where it is not a git checkout."""
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


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
            if (self.folder(task, name) / SIDECAR).is_file():
                return name
        shipped = self._shipped_version(task)
        if shipped is None:
            raise CheckpointError("no_version", task=task, path=self._home / task)
        return shipped

    def path(self, task: str, version: str) -> Path:
        """Return the folder of a version. Raises UnknownName with the list of those there are."""
        if _NAME.fullmatch(version) and version not in _RESERVED:
            folder = self.folder(task, version)
            if (folder / SIDECAR).is_file():
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
        return read_sidecar(folder)

    def write_sidecar(self, folder: Path, sidecar: Sidecar) -> None:
        """Write the sidecar of a version folder. Raises StorageError."""
        write_sidecar(folder, sidecar)

    def _served(self, task: str) -> str | None:
        try:
            return self.champion(task)
        except CheckpointError:
            return None

    def _shipped_version(self, task: str) -> str | None:
        folder = self._shipped / task
        return read_sidecar(folder).version if (folder / SIDECAR).is_file() else None

    def _read(self, task: str, name: str) -> tuple[str, ...]:
        path = self._home / task / name
        try:
            return tuple(path.read_text("utf-8").split())
        except (FileNotFoundError, NotADirectoryError):
            return ()
        except OSError as error:
            raise StorageError("versions_not_readable", path=path, detail=error.strerror) from error

    def _write(self, task: str, name: str, lines: tuple[str, ...]) -> None:
        _replace(self._home / task / name, "".join(f"{line}\n" for line in lines))

    # Last in the class: below it the name `list` is no longer the type.
    def list(self, task: str) -> Sequence[VersionInfo]:
        """Return the versions, newest first. Folders without a readable sidecar are none."""
        served = self._served(task)
        sidecars = {item.version: item for item in _sidecars(self._shipped / task, self._home / task)}
        return [
            VersionInfo(name, item.created_at, item.parent, name == served, dict(item.figures))
            for name, item in sorted(sidecars.items(), reverse=True)
        ]


def _sidecars(shipped: Path, home: Path) -> Iterator[Sidecar]:
    for folder in (shipped, *(sorted(home.iterdir()) if home.is_dir() else ())):
        try:
            sidecar = read_sidecar(folder)
        except CheckpointError:
            continue
        if folder == shipped or folder.name == sidecar.version:
            yield sidecar


def _replace(path: Path, text: str) -> None:
    """Write a whole file or nothing: a reader never sees half of it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, 0o644)
            os.replace(name, path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError("versions_not_writable", path=path, detail=error.strerror) from error
