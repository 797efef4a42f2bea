"""Files and folders that are there whole or not at all, also after the power went: no reader ever sees half of one."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mmdemo.errors import StorageError

PRIVATE, PUBLIC = 0o600, 0o644  # who may read a file: its owner alone, or everybody
_ASIDE = ".unfinished"  # how the names of files end that are being written
UNFINISHED = f".*{_ASIDE}"  # what such files are called: one that stays is of a process that was killed


@contextmanager
def replacing(path: Path, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """Yield a file that stands in for `path` once the body is through; where that fails, the earlier one stays.

    Its folder must be there. Raises OSError.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=_ASIDE)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(name, path)
        sync(path.parent)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write(path: Path, content: str | bytes) -> None:
    """Write a file that everybody may read, and the folders around it where they are missing. Raises StorageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path, PUBLIC) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise StorageError("versions_not_writable", path=path, detail=error.strerror) from error


def move_folder(folder: Path, to: Path) -> None:
    """Move a folder of files to a name that is free, or an empty folder's, on the same disk. Raises OSError."""
    for path in (*folder.iterdir(), folder):
        sync(path)
    os.replace(folder, to)
    sync(to.parent)


def sync(path: Path) -> None:
    """Have on disk what a file holds, or which names stand in a folder: else that may go with the power."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
