"""Home folder and database can be read by their owner alone; a home of before is brought to that when it is opened."""

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from mmdemo.locale import text

FOLDER, FILE = 0o700, 0o600
_OTHERS = 0o077
_INSIDE = ("*.sqlite", "*.sqlite-*", "*.lock", "media", "versions", "alike", "logs")  # what is ours in a home
_log = logging.getLogger(__name__)


def make_folder(folder: Path) -> None:
    """Make a folder, and those around it, for this user alone where it is not there yet. Raises OSError."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=FOLDER)


def make_file(path: Path) -> None:
    """Make an empty file for this user alone where there is none: whoever fills it gives it no other rights."""
    if path.parent.is_dir() and not path.exists():
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE))


def tighten(home: Path, database: Path | None) -> None:
    """Take from others the right to read what is kept, and say so in the log where they had it.

    A folder that everybody may write to, such as /tmp, is left as it is, which is said too.
    """
    if home.stat().st_mode & stat.S_ISVTX:
        _log.warning("%s", text("cli.home_is_everybodys", place=home))
        return
    open_to_others = [path for path in (home, database) if path is not None and path.exists() and _is_loose(path)]
    refused = [path for path in _loose(home, database) if not _close(path)]
    if refused:
        _log.warning("%s", text("cli.home_stays_open", place=refused[0], count=len(refused)))
    elif open_to_others:
        _log.warning("%s", text("cli.home_tightened", place=home))


def _loose(home: Path, database: Path | None) -> Iterator[Path]:
    beside = database.parent.glob(f"{database.name}*") if database is not None and database.parent != home else ()
    for path in (home, *beside, *(path for pattern in _INSIDE for path in home.glob(pattern))):
        if not path.is_symlink() and _is_loose(path):
            yield path
            if path != home and path.is_dir():
                yield from (inner for inner in path.rglob("*") if not inner.is_symlink() and _is_loose(inner))


def _is_loose(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & _OTHERS)
    except OSError:  # another process removed it meanwhile
        return False


def _close(path: Path) -> bool:
    try:
        path.chmod(stat.S_IMODE(path.stat().st_mode) & ~_OTHERS)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
