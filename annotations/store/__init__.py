"""The store: opens the database once and hands out short sessions that roll back unless committed.

SQL stands in the modules beside this one, split by subject: samples, labels, runs, outside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from annotations.schema import HEAD
from annotations.store import connect, problems
from mmdemo.errors import StorageError
from mmdemo.settings import Settings

__all__ = ["Raced", "Session", "Store", "open_store"]


class Raced(Exception):
    """Another process inserted the same row between our look and our insert: look again."""


@dataclass(frozen=True)
class Store:
    """An open database and the media folder that belongs to it. Threads may share it."""

    engine: Engine
    media: Path
    place: str  # what a sentence calls the database, without its password

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a session that may write; it rolls back unless committed. Raises StorageError."""
        with self._translated(), self._session(self.engine) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that only reads, and so never waits for a writer. Raises StorageError."""
        with self._translated(), self._session(self.engine.execution_options(reading=True)) as session:
            yield session

    def scrub(self) -> bool:
        """Fold the write-ahead log into the database, so that what was erased stands nowhere on disk.

        Waits for readers up to the busy timeout, and returns False where one reads on: then do it again later.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        with self._translated(), self.engine.connect() as connection:
            raw = connection.connection.cursor()  # past `begin`: a checkpoint cannot run inside a transaction
            busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _session(self, engine: Engine) -> Session:
        # Rows stay readable after the session: they travel to whoever asked.
        return Session(engine, expire_on_commit=False)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise Raced from error
        except DBAPIError as error:
            raise problems.from_database(error, self.place) from error


def open_store(settings: Settings, busy_ms: int = connect.BUSY_MS) -> Store:
    """Open the database of `settings`, made or migrated where needed. Raises StorageError with one sentence.

    `busy_ms`: how long a writer waits for another one, in milliseconds.
    """
    _make_home(settings.home)
    engine = _engine(settings, busy_ms)
    place = engine.url.database if engine.dialect.name == "sqlite" else engine.url.render_as_string(hide_password=True)
    try:
        version = connect.version_of(engine)
        if version != HEAD:
            _check_known(version, place or "")
            connect.migrate(engine, settings.home)
    except DBAPIError as error:
        engine.dispose()
        raise problems.from_database(error, place or "") from error
    except OSError as error:
        engine.dispose()
        raise problems.from_os(error, settings.home) from error
    return Store(engine, settings.media, place or "")


def _engine(settings: Settings, busy_ms: int) -> Engine:
    try:
        return connect.engine_for(connect.url_of(settings), busy_ms)
    except ArgumentError as error:  # the URL itself is not repeated: it may hold a password
        raise StorageError("database_url_wrong") from error
    except ModuleNotFoundError as error:
        raise StorageError("database_driver_missing", package=error.name) from error


def _make_home(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise problems.from_os(error, home) from error


def _check_known(version: str | None, place: str) -> None:
    # Migrations are numbered, so a later number was written by later code: refuse rather than guess.
    if version is not None and version > HEAD:
        raise StorageError("storage_too_new", place=place, version=version, known=HEAD)
