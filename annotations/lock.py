"""The night's lock: one training run at a time in a home folder. It falls with the process that holds it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from annotations.store import problems
from mmdemo.errors import Busy
from mmdemo.settings import Settings


def path(settings: Settings) -> Path:
    """Return the file that is locked."""
    return settings.home / "night.lock"


@contextmanager
def night(settings: Settings) -> Iterator[None]:
    """Hold the lock. Raises Busy at once where another process holds it, StorageError where it cannot be made."""
    lock = FileLock(path(settings), timeout=0)
    try:
        lock.acquire()
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
        with night(settings):
            return False
    except Busy:
        return True
