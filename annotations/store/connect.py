"""Opens the database: the one place that knows which database it is."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, MetaData, Table, create_engine, event, inspect, make_url, select
from sqlalchemy.exc import DBAPIError

from annotations.schema import HEAD, Base
from annotations.store import file_lock
from mmdemo.errors import StorageError
from mmdemo.settings import Settings

MIGRATIONS = Path(__file__).parent.parent / "migrations"
BUSY_MS = 10_000  # how long a writer waits for another one
MIGRATION_WAIT_S = 60.0
REWRITE_WAIT_MS = 5_000  # how long a table that others use is waited for before it is written anew
_LOCK_NOT_AVAILABLE = "55P03"
CONNECT_S = 10  # how long a database server that does not answer is waited for

RETRY_S = 0.02  # between two attempts to do what SQLite does not wait for by itself

_PRAGMAS = (  # FULL: what is acknowledged is on disk; secure_delete overwrites what a visitor took back
    "PRAGMA synchronous=FULL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
)


def url_of(settings: Settings) -> URL:
    """Return where the database is. Raises ArgumentError for a URL that is none.

    The house's own is built of parts: a folder's name may hold what means something in a URL, such as `?` or `%`.
    """
    if settings.database_url:
        return make_url(settings.database_url)
    return URL.create("sqlite", database=str(settings.home / "mmdemo.sqlite"))


def engine_for(url: URL, busy_ms: int = BUSY_MS) -> Engine:
    """Return an engine with this house's manners; nothing is opened yet."""
    if url.get_backend_name() != "sqlite":
        args = {"connect_timeout": CONNECT_S} if url.get_backend_name() == "postgresql" else {}
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=args)
    engine = create_engine(url, connect_args={"timeout": busy_ms / 1000}, hide_parameters=True)
    event.listen(engine, "connect", lambda connection, _record: configure(connection, busy_ms))
    event.listen(engine, "begin", _begin)
    return engine


def configure(connection: sqlite3.Connection, busy_ms: int) -> None:
    """Set up a new connection. Raises OperationalError where others keep a new database to themselves for too long."""
    connection.isolation_level = None  # the driver starts no transaction behind our back: `_begin` does
    _write_ahead(connection, time.monotonic() + busy_ms / 1000)
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _write_ahead(connection: sqlite3.Connection, until: float) -> None:
    """Let writers write beside readers: WAL. Two that switch a new database at once don't wait, but fail at once."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(RETRY_S)


def _begin(connection: Connection) -> None:
    # A reader that turns writer fails at once when another process wrote in between, whatever the busy timeout is:
    # so writers say so from the start.
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def file_of(engine: Engine) -> Path | None:
    """Return the file of an SQLite database, None for a database elsewhere or in memory."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    return Path(name[len("file:") :].split("?")[0] if name.startswith("file:") else name).absolute()


def rewrite(connection: Connection) -> bool:
    """Write all tables of a PostgreSQL database anew; False where others kept one busy.

    A row that is changed there leaves its old words in the table's file: plain VACUUM only marks their place as free.
    """
    connection.exec_driver_sql(f"SET lock_timeout = {REWRITE_WAIT_MS}")
    try:
        for table in Base.metadata.sorted_tables:
            connection.exec_driver_sql(f"VACUUM (FULL) {table.name}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        return False
    finally:
        connection.exec_driver_sql("SET lock_timeout = DEFAULT")
    return True


def version_of(engine: Engine) -> str | None:
    """Return the migration that the database stands at, None for an empty one."""
    with engine.connect().execution_options(reading=True) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        return connection.scalar(select(Table("alembic_version", MetaData(), autoload_with=connection)))


def migrate(engine: Engine, lock_folder: Path, to: str = "head") -> None:
    """Bring the database up to `to`: one process at a time. Raises StorageError, also where one is slow."""
    lock = lock_folder / "migrate.lock"
    with file_lock.hold(lock, MIGRATION_WAIT_S, StorageError("storage_locked", place=lock)):
        if version_of(engine) != HEAD:
            _upgrade(engine, to)


def _upgrade(engine: Engine, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))  # a % has a meaning there
    with _rebuilding(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


@contextmanager
def _rebuilding(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction in which tables may be written anew that others refer to.

    SQLite alters a column by dropping the table it copied. While it checks foreign keys it refuses that, and whether
    it does cannot be changed inside a transaction.
    """
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            raw.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                yield connection
        finally:
            if isinstance(raw, sqlite3.Connection):
                raw.execute("PRAGMA foreign_keys=ON")
