"""The file in which a task's local rule stands, beside its versions: versions/TASK/asking.json."""

from __future__ import annotations

import json
from pathlib import Path

from mmdemo import whole_file
from mmdemo.settings import Settings
from mmdemo.values.promise import LocalRule
from mmdemo.values.samples import to_json

FILE = "asking.json"
UNREADABLE = LocalRule(doubted=True)  # it may have said that an alarm stands


def path(settings: Settings, task: str) -> Path:
    """Return where a task's rule stands."""
    return settings.versions / task / FILE


def read(settings: Settings, task: str) -> LocalRule:
    """Return a task's rule: one that says nothing where there is no file, and that all is asked for a damaged one."""
    try:
        return LocalRule.of(json.loads(path(settings, task).read_text("utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return LocalRule()
    except (OSError, ValueError, KeyError, TypeError):
        return UNREADABLE


def write(settings: Settings, task: str, rule: LocalRule) -> None:
    """Replace a task's rule. Raises StorageError."""
    whole_file.write(path(settings, task), json.dumps(to_json(rule), ensure_ascii=False, indent=1) + "\n")


class RuleInUse:
    """A task's rule as its file says it now, read again only where that has changed. Threads may share it."""

    def __init__(self, settings: Settings, task: str) -> None:
        """Read nothing yet."""
        self._settings = settings
        self._task = task
        self._read: tuple[tuple[int, ...], LocalRule] = ((), LocalRule())

    def now(self) -> LocalRule:
        """Return it."""
        try:
            about = path(self._settings, self._task).stat()
            mark: tuple[int, ...] = (about.st_mtime_ns, about.st_size, about.st_ino)
        except OSError:
            mark = ()
        if mark != self._read[0]:
            self._read = (mark, read(self._settings, self._task) if mark else LocalRule())
        return self._read[1]
