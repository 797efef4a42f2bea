"""What can go wrong with disk and database, as one StorageError with one sentence.

Of a database server the sentence names neither host nor user, and never what it says of a row: strangers may read it.
That stands in the log, of a refused statement as its code alone.
"""

import errno
import logging
import os
import shutil
import sqlite3
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from mmdemo.errors import StorageError

_ROOM_BYTES = 65_536  # what the files beside a database need to begin with
_BY_ERRNO = {
    errno.ENOSPC: "storage_full",
    errno.EDQUOT: "storage_full",
    errno.EACCES: "storage_read_only",
    errno.EPERM: "storage_read_only",
    errno.EROFS: "storage_read_only",
    errno.ENOENT: "storage_missing",
    errno.ENOTDIR: "storage_missing",
    errno.EEXIST: "storage_missing",  # a file stands where the folder should be
}
_BY_SQLITE = {
    sqlite3.SQLITE_BUSY: "storage_locked",
    sqlite3.SQLITE_LOCKED: "storage_locked",
    sqlite3.SQLITE_READONLY: "storage_read_only",
    sqlite3.SQLITE_PERM: "storage_read_only",
    sqlite3.SQLITE_FULL: "storage_full",
    sqlite3.SQLITE_CANTOPEN: "storage_missing",
    sqlite3.SQLITE_CORRUPT: "storage_corrupt",
    sqlite3.SQLITE_NOTADB: "storage_corrupt",
}
# Classes of SQLSTATE in which a server cannot be used: connection, authority, name, resources, operator, system.
_AWAY = ("08", "28", "3D", "53", "57", "58", "F0", "XX")
_log = logging.getLogger(__name__)


def from_os(error: OSError, place: Path | str) -> StorageError:
    """Return the sentence for a failed file operation under `place`."""
    key = _BY_ERRNO.get(error.errno or 0, "storage_failed")
    return StorageError(key, place=place, detail=error.strerror or error)


def from_database(error: DBAPIError, place: Path | str) -> StorageError:
    """Return the sentence for a failed statement on the database at `place`."""
    if not isinstance(error.orig, sqlite3.Error):
        return _from_server(error, place)
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF  # the low byte is the primary code
    key = _BY_SQLITE.get(code, "storage_failed")
    if code == sqlite3.SQLITE_IOERR and _is_full(Path(place).parent):
        key = "storage_full"  # SQLite says so only of the database itself, not of the files beside it
    if code == sqlite3.SQLITE_CANTOPEN and _may_not_write(Path(place)):
        key = "storage_read_only"  # beside a database that may be read SQLite makes files of its own
    return StorageError(key, place=place, detail=str(error.orig).strip())


def _from_server(error: DBAPIError, place: Path | str) -> StorageError:
    state = getattr(error.orig, "sqlstate", None)  # five signs; none where no server answered
    if state is None or state.startswith(_AWAY):
        _log.error("%s: %s", place, str(error.orig).strip())
        return StorageError("storage_unreachable")
    _log.error("%s: %s (%s)", place, type(error.orig).__name__, state)
    return StorageError("storage_refused")


def _may_not_write(file: Path) -> bool:
    if not file.parent.is_dir():
        return False
    return not os.access(file.parent, os.W_OK) or (file.exists() and not os.access(file, os.W_OK))


def _is_full(folder: Path) -> bool:
    try:
        return shutil.disk_usage(folder).free < _ROOM_BYTES
    except OSError:
        return False
