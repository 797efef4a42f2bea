"""Starts the night as a process of its own, and watches over those that this process started."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

from annotations.nightly import lock
from annotations.schema import now
from annotations.store import private, problems, runs
from annotations.store.labels import iso
from mmdemo import locale
from mmdemo.errors import Busy
from mmdemo.settings import ROOT, Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Reason, Run

RETRAIN = (sys.executable, "-m", "annotations", "retrain")
RESCORE = (sys.executable, "-m", "annotations", "rescore")
_TAIL_BYTES = 2_000


@dataclass(frozen=True)
class _Started:
    process: subprocess.Popen
    at: datetime
    log: Path


class Nights:
    """The nights that this process started, a task's last one each. Threads may share it."""

    def __init__(
        self, settings: Settings, command: Sequence[str] = RETRAIN, rescoring: Sequence[str] = RESCORE
    ) -> None:
        self._settings = settings
        self._command = command
        self._rescoring = rescoring
        self._scorers: list[_Started] = []
        self._started: dict[str, _Started] = {}
        self._lock = threading.Lock()

    def start(self, task: Task) -> str:
        """Start the night and return a sentence that says so. Raises Busy where one is at work, StorageError."""
        with self._lock:
            if any(_alive(night) for night in self._started.values()) or lock.is_held(self._settings):
                raise Busy("night_running", lock=lock.path(self._settings))
            log = self._settings.home / "logs" / f"retrain-{task.name}.log"
            try:
                self._started[task.name] = self._spawn(self._command, task, log)
            except OSError as error:
                raise problems.from_os(error, self._settings.home) from error
        return locale.text("status.night_started", task=task.name, log=log)

    def rescore(self, task: Task) -> None:
        """Have a process score what waits by the version that serves now. Raises StorageError.

        Where a night is at work it leaves at once: that one scores at its end.
        """
        log = self._settings.home / "logs" / f"rescore-{task.name}.log"
        with self._lock:
            self._scorers = [scorer for scorer in self._scorers if _alive(scorer)]
            try:
                self._scorers.append(self._spawn(self._rescoring, task, log))
            except OSError as error:
                raise problems.from_os(error, self._settings.home) from error

    def is_scoring(self) -> bool:
        """Whether a process that scores is at work."""
        return any(_alive(scorer) for scorer in self._scorers)

    def _spawn(self, command: Sequence[str], task: Task, log: Path) -> _Started:
        private.make_folder(log.parent)
        private.make_file(log)
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--task", task.name],
                cwd=ROOT,
                env={**os.environ, **_environment(self._settings)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # it outlives the page
            )
        return _Started(process, now(), log)

    def seen(self, task: str, last: Run | None) -> Run | None:
        """Return a task's last run as it looks from here: it may not have written its row yet, or have died before."""
        started = self._started.get(task)
        if started is None or (last is not None and last.started_at >= iso(started.at)):
            return last
        if _alive(started):
            return _run(task, started, runs.RUNNING)
        if started.process.returncode == 0:
            return last  # a verdict without a row of its own: there was nothing to do
        return _run(task, started, runs.FAILED, Reason("status.night_failed", {"detail": _last_line(started.log)}))


def _alive(night: _Started) -> bool:
    return night.process.poll() is None


def _run(task: str, started: _Started, state: str, *why: Reason) -> Run:
    reasons = tuple(reason.sentence() for reason in why)
    return Run(task, state, None, reasons, {}, None, None, iso(started.at), None, why)


def _last_line(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode("utf-8", "replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _environment(settings: Settings) -> dict[str, str]:
    values = {field.metadata["variable"]: getattr(settings, field.name) for field in fields(settings)}
    return {variable: str(value) for variable, value in values.items() if value is not None}
