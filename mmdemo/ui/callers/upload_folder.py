"""The folder of what visitors upload: gone with its process, and with the next start where that was killed.

A process holds the lock of its folder while it lives, and the system lets go of it when it dies.
"""

import contextlib
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "mmdemo-uploads-"
_LOCK = ".lock"
_WITHOUT_LOCK_S = 86_400.0  # a folder of a release before has no lock: one that is not used for a day is nobody's


@contextlib.contextmanager
def folder() -> Iterator[str]:
    """Yield a new folder that no other user can read, and remove those of processes that are gone."""
    place = Path(tempfile.gettempdir())
    sweep(place)
    name = PREFIX + secrets.token_hex(8)
    own = FileLock(place / (name + _LOCK), mode=0o600)
    with own:
        (place / name).mkdir(mode=0o700)  # after its lock: a folder without one looks as if nobody used it
        try:
            yield str(place / name)
        finally:
            _remove(place / name)


def sweep(place: Path) -> None:
    """Remove the folders in `place` whose process is gone; another's that runs stays."""
    for path in place.glob(f"{PREFIX}*"):
        own = path.name.removesuffix(_LOCK)
        lock = place / (own + _LOCK)
        if not lock.exists() and not _is_old(path):
            continue
        with contextlib.suppress(Timeout, OSError), FileLock(lock, timeout=0, mode=0o600):
            _remove(place / own)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.with_name(path.name + _LOCK).unlink(missing_ok=True)


def _is_old(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _WITHOUT_LOCK_S
    except OSError:
        return False
