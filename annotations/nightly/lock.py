"""The night's lock: one training run at a time in a home folder. It falls with the process that holds it."""

from contextlib import AbstractContextManager
from pathlib import Path

from annotations.store import file_lock
from mmdemo.errors import Busy
from mmdemo.settings import Settings

LOOK_S = 0.5  # how long a night waits: whoever looks whether one is at work holds the lock for a moment


def path(settings: Settings) -> Path:
    """Return the file that is locked."""
    return settings.home / "night.lock"


def night(settings: Settings) -> AbstractContextManager[None]:
    """Hold the lock. Raises Busy where another process holds it, StorageError where it cannot be made."""
    return _hold(settings, LOOK_S)


def is_held(settings: Settings) -> bool:
    """Whether a run is at work. Raises StorageError."""
    try:
        with _hold(settings, 0):
            return False
    except Busy:
        return True


def _hold(settings: Settings, patience_s: float) -> AbstractContextManager[None]:
    return file_lock.hold(path(settings), patience_s, Busy("night_running", lock=path(settings)))
