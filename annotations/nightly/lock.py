"""The night's lock: one training run at a time in a home folder. It falls with the process that holds it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from annotations.store import private, problems
from mmdemo.errors import Busy
from mmdemo.settings import Settings

LOOK_S = 0.5  # how long a night waits: whoever looks whether one is at work holds the lock for a moment


def path(settings: Settings) -> Path:
    """Return the file that is locked."""
    return settings.home / "night.lock"


def night(settings: Settings) -> AbstractContextManager[None]:
    """Hold the lock. Raises Busy where another process holds it, StorageError where it cannot be made."""
    return _held(settings, LOOK_S)


@contextmanager
def _held(settings: Settings, patience_s: float) -> Iterator[None]:
    lock = FileLock(path(settings), mode=private.FILE)
    try:
        lock.acquire(timeout=patience_s)
    except Timeout as error:
        raise Busy("night_running", lock=path(settings)) from error
    except OSError as error:
        raise problems.from_os(error, settings.home) from error
    try:
        yield
    finally:
        lock.release()


def is_held(settings: Settings) -> bool:
    """Whether a run is at work. Raises StorageError."""
    try:
        with _held(settings, 0):
            return False
    except Busy:
        return True
