"""Attempts at encoders, one at a time among all processes that share a home folder; those count that ended one.

.lock          held while a process is at one of them; it falls with that process
DIGEST.tries   a byte for each attempt that ended its process
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

LOCK = ".lock"
MOST = 3  # attempts that may end a process before the encoder is left alone: most processes were told to end
WAIT_S = 300.0  # for a process that is at it: converting takes seconds


@contextmanager
def attempt(folder: Path, wait_s: float = WAIT_S) -> Iterator[None]:
    """Keep others from a runtime's encoders while the block lasts; count it for one where the process ends within.

    Waits for whoever is at it, but no longer than the main thread lives. Raises ValueError where that is not over in
    time, or too many ended over it; OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    tries = folder.with_name(f"{folder.name}.tries")
    try:
        lock = FileLock(folder.with_name(LOCK)).acquire(
            timeout=wait_s, cancel_check=lambda: not threading.main_thread().is_alive()
        )
    except Timeout as error:
        raise ValueError("another process is at it") from error
    with lock:
        ended = tries.stat().st_size if tries.is_file() else 0
        if ended >= MOST:
            raise ValueError(f"{ended} processes ended while they tried it; remove {tries} to try again")
        with tries.open("ab") as file:
            file.write(b".")
        try:
            yield
        finally:
            tries.unlink(missing_ok=True)
