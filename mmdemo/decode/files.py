"""The bytes that somebody gave, read only once their number is known to be allowed."""

import hashlib
import itertools
from pathlib import Path

from mmdemo.errors import BadInput

Notes = tuple[str, ...]  # what a reader says of a file: keys under [note] of the locale


def content(source: Path | str | bytes, limit: int, empty: str) -> bytes:
    """Return what a file holds, or the bytes themselves; `empty` is the key of the sentence for none.

    Raises BadInput where there are more than `limit` bytes, or no file that can be read.
    """
    if isinstance(source, bytes | bytearray | memoryview):
        _check(len(source), limit, empty)
        return bytes(source)
    path = Path(source)
    try:
        if not path.is_file():
            raise BadInput("file_missing", path=path)
        _check(path.stat().st_size, limit, empty)
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a path with a NUL
        raise BadInput("file_missing", path=path) from error


def size(source: object) -> int:
    """Return of how many bytes a file is, or the bytes themselves; 0 of anything else."""
    if isinstance(source, bytes | bytearray | memoryview):
        return len(source)
    try:
        return Path(source).stat().st_size if isinstance(source, Path | str) else 0
    except (OSError, ValueError):
        return 0


def digest(source: object) -> str:
    """Return the SHA-256 (hex) of a file's bytes, or of the bytes themselves; "" of anything else."""
    if isinstance(source, bytes | bytearray | memoryview):
        return hashlib.sha256(source).hexdigest()
    if not isinstance(source, Path | str):
        return ""
    try:
        with Path(source).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except (OSError, ValueError):
        return ""


def _check(size: int, limit: int, empty: str) -> None:
    if size == 0:
        raise BadInput(empty)
    if size > limit:
        raise BadInput("file_too_large", megabytes=beyond(size / 1e6, limit / 1e6, 1), limit=f"{limit / 1e6:g}")


def beyond(value: float, limit: float, decimals: int = 0) -> str:
    """Return a value above its limit in digits: with so many decimals, or more where they hide that it is above."""
    enough = next(count for count in itertools.count(decimals) if round(value, count) > limit)
    return f"{value:,.{enough}f}"
