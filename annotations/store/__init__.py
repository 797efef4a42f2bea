"""The store: opens the database once and hands out short sessions that roll back unless committed.

SQL stands in the modules beside this one, split by subject: samples, labels, runs, outside.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError
from sqlalchemy.orm import Session

from annotations.schema import HEAD
from annotations.store import connect, facts, pairing, private, problems, samples, standing, tallies
from mmdemo import characters
from mmdemo.errors import StorageError
from mmdemo.locale import text
from mmdemo.settings import Settings

T = TypeVar("T")


class AnswerMemo:
    """Answers by question, each with the state of the rows that it is about. Threads may share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answers: dict[Hashable, tuple[object, Any]] = {}

    def of(self, question: Hashable, state: object, make: Callable[[], T]) -> T:
        """Return the answer that was made in this state, made by `make` where there is none.

        `state` was read before what `make` reads: what changes in between is then asked for once more.
        """
        with self._lock:
            known = self._answers.get(question)
        if known is not None and known[0] == state:
            answer: T = known[1]
            return answer
        answer = make()
        with self._lock:
            self._answers[question] = state, answer
        return answer


__all__ = ["Session", "Store", "WriteConflict", "open_store"]


class WriteConflict(Exception):
    """Another process inserted the same row between our look and our insert: look again."""


@dataclass(frozen=True)
class Store:
    """An open database and the folders that belong to it. Threads may share it."""

    engine: Engine
    media: Path
    tokens: Path  # the folder of what encoders made of samples
    place: str  # what a sentence calls the database, without its password
    deciding: frozenset[str] = frozenset()  # annotators whose say about a sample counts before the majority's
    file: tuple[int, int] | None = None  # device and inode of an SQLite database, as it was opened
    remembered: AnswerMemo = field(default_factory=AnswerMemo, compare=False, repr=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Yield a session that may write; it rolls back unless committed.

        Raises StorageError, also where the database was removed meanwhile: then nothing is stored.
        """
        with self._translated(), self._session(self.engine) as session:
            self._check_there()
            yield session
            self._check_there()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that only reads, and so never waits for a writer. Raises StorageError."""
        with self._translated(), self._session(self.engine.execution_options(reading=True)) as session:
            session.info[samples.READING] = True
            self._check_there()
            yield session

    def is_paired(self) -> bool:
        """Whether store and media folder carry the same id: only then files are erased by what the folder holds."""
        with self.reading() as session:
            return pairing.is_paired(session, self.media)

    def pair(self, told_to: bool = False) -> bool:
        """Give both one id where that is safe, or where somebody tells to. Raises StorageError."""
        try:
            with self.session() as session:
                paired = pairing.pair(session, self.media, told_to)
                session.commit()
                return paired
        except OSError as error:
            raise problems.from_os(error, self.media) from error

    def scrub(self) -> bool:
        """Fold the write-ahead log into the database, so that what was erased stands nowhere on disk.

        Waits for readers up to the busy timeout, and returns False where one reads on: then do it again later. The
        tables of PostgreSQL are written anew, which leaves its write-ahead log and its backups as they are.
        """
        if self.engine.dialect.name != "sqlite":
            return self._rewrite()
        with self._translated(), self.engine.connect() as connection:
            raw = connection.connection.cursor()  # past `begin`: a checkpoint cannot run inside a transaction
            busy, _, _ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy

    def _rewrite(self) -> bool:
        with self.session() as session:
            if not facts.get(session, facts.ERASED):
                return True
        with self._translated(), self.engine.connect() as connection:
            outside = connection.execution_options(isolation_level="AUTOCOMMIT")  # VACUUM runs in no transaction
            if not connect.rewrite(outside):
                return False
        with self.session() as session:
            facts.put(session, facts.ERASED, {})
            session.commit()
        return True

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def _check_there(self) -> None:
        # A file that is removed, or has another put in its place, still takes all that is written to it.
        if self.file is not None and self.file != _identity(Path(self.place)):
            raise StorageError("storage_gone", place=self.place)

    def _session(self, engine: Engine) -> Session:
        # Rows stay readable after the session: they travel to whoever asked.
        return tallies.TallyingSession(engine, expire_on_commit=False, info={standing.DECIDING: self.deciding})

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError as error:
            raise WriteConflict from error
        except DBAPIError as error:
            raise problems.from_database(error, self.place) from error


def open_store(settings: Settings, busy_ms: int = connect.BUSY_MS) -> Store:
    """Open the database of `settings`, made or migrated where needed. Raises StorageError with one sentence.

    `busy_ms`: how long a writer waits for another one, in milliseconds.
    """
    _make_home(settings.home)
    engine = _engine(settings, busy_ms)
    file = connect.file_of(engine)
    place = str(file) if file else engine.url.render_as_string(hide_password=True)
    try:
        _make_private(settings.home, file)
        version = connect.version_of(engine)
        if version is not None and version > HEAD:  # written by later code: migrations are numbered
            raise StorageError("storage_too_new", place=place, version=version, known=HEAD)
        if version != HEAD:
            connect.migrate(engine, settings.home)
        deciding = frozenset(filter(None, map(characters.canonical_name, settings.deciding_reviewers.split(","))))
        identity = _identity(file) if file else None
        store = Store(engine, settings.media, settings.tokens, place, deciding, identity)
        _pair(store)
        _decide(store)
    except DBAPIError as error:
        engine.dispose()
        raise problems.from_database(error, place) from error
    except OSError as error:
        engine.dispose()
        raise problems.from_os(error, settings.home) from error
    except StorageError:
        engine.dispose()
        raise
    return store


def _pair(store: Store) -> None:
    if store.is_paired():
        return
    try:
        if not store.pair():
            logging.getLogger(__name__).warning("%s", text("status.media_of_another", folder=store.media))
    except WriteConflict:  # another process gave both an id meanwhile
        store.pair()
    except StorageError as error:  # where nothing can be written nothing can be erased either
        logging.getLogger(__name__).warning("%s", error)


def _decide(store: Store) -> None:
    """Have what reviewers said count as the settings have it, where they had it otherwise before."""
    names = sorted(store.deciding)
    with store.reading() as session:
        if facts.get(session, facts.DECIDING).get("names", []) == names:
            return
    try:
        with store.session() as session:
            standing.settle_all(session)
            tallies.recount(session)
            facts.put(session, facts.DECIDING, {"names": names} if names else {})
            session.commit()
    except StorageError as error:  # where nothing can be written it counts as it did
        logging.getLogger(__name__).warning("%s", error)


def _make_private(home: Path, file: Path | None) -> None:
    if file is not None:
        with contextlib.suppress(OSError):  # whoever opens it says better what is wrong
            private.make_file(file)
    private.tighten(home, file)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        about = os.stat(file)
    except OSError:
        return None
    return about.st_dev, about.st_ino


def _engine(settings: Settings, busy_ms: int) -> Engine:
    try:
        return connect.engine_for(connect.url_of(settings), busy_ms)
    except ArgumentError as error:  # the URL itself is not repeated: it may hold a password
        raise StorageError("database_url_wrong") from error
    except ModuleNotFoundError as error:
        raise StorageError("database_driver_missing", package=error.name) from error


def _make_home(home: Path) -> None:
    try:
        private.make_folder(home)
    except OSError as error:
        raise problems.from_os(error, home) from error
