"""A lock between processes: a file that one of them holds at a time, and that falls with the process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from annotations.store import private, problems
from mmdemo.errors import MmdemoError


@contextmanager
def hold(path: Path, patience_s: float, refusal: MmdemoError) -> Iterator[None]:
    """Hold a lock whose file this user alone can read.

    Raises `refusal` where another process holds it for longer than `patience_s`, StorageError where it cannot be made.
    """
    lock = FileLock(path, mode=private.FILE)
    try:
        lock.acquire(timeout=patience_s)
    except Timeout as error:
        raise refusal from error
    except OSError as error:
        raise problems.from_os(error, path.parent) from error
    try:
        yield
    finally:
        lock.release()
