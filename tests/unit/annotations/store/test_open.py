"""Opening the store: made, migrated, raced for, and refused in one sentence."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from annotations import review_queue, schema
from annotations.store import Store, connect, labels, open_store, runs, samples
from mmdemo.errors import StorageError
from mmdemo.settings import Settings
from mmdemo.values.review import SCRIPTS, browser_mark
from tests.unit.annotations import sentiment


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(connect.MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [schema.HEAD]
    return [script.revision for script in scripts.walk_revisions()][::-1]


def test_an_empty_home_gets_the_tables_of_the_schema(store: Store) -> None:
    assert connect.version_of(store.engine) == schema.HEAD
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.Base.metadata) == []


@pytest.mark.parametrize("start", revisions())
def test_every_earlier_version_is_brought_up_and_keeps_its_rows(config: Settings, start: str) -> None:
    config.home.mkdir()
    engine = connect.engine_for(connect.url_of(config))
    connect.migrate(engine, config.home, start)
    guess, said, predicted = ("label", "label", "predicted_label")
    if start >= "0008":
        guess, said, predicted = ("predicted_value", "value", "predicted_value")
    with engine.begin() as connection:
        connection.execute(
            text(
                f"INSERT INTO samples (sample_id, task, state, modalities, caption, {guess}, confidence, "
                "model_version, doubt, created_at, updated_at, agreed_at) VALUES ('a', 'sentiment', 'queued', "
                "'[\"text\"]', 'kept', 'positive', 0.4, 'v1', 0.6, '2026-11-01', '2026-11-01', '2026-11-01')"
            )
        )
        connection.execute(
            text(
                f"INSERT INTO corrections (sample_id, {said}, annotator, note, corrected_at, {predicted}, "
                "model_version, source) VALUES ('a', 'neutral', 'Ann', '', '2026-11-02', 'positive', 'v1', 'page')"
            )
        )
        moves = {"sample_id": "'a'", "move": "'skip'", "after": "'queued'", "who": "'Ann'", "at": "'2026-11-02'"}
        moves |= {"correction_id": "1"}  # of two tables that are written anew one refers to the other
        moves |= {"browser": "''"} if start >= "0004" else {}
        connection.execute(text(f"INSERT INTO moves ({', '.join(moves)}) VALUES ({', '.join(moves.values())})"))
    engine.dispose()
    store = open_store(config)
    for mark in (SCRIPTS, browser_mark("a" * 32), ""):  # an earlier release's move: nobody knows whose it was
        assert review_queue.undo(store, "Ann", mark) is None
    with store.reading() as session:
        row = samples.get(session, "a")
        assert (row.caption, row.claimed_by, row.claimed_until) == ("kept", None, None)
        assert (row.fresh_prediction, row.scored_by) == (None, "v1" if start < "0007" else "")
        [correction] = labels.history(session, "a")
        assert (row.predicted_value, correction.predicted_value) == ("positive", "positive")
        assert (correction.value, correction.wrong_reason) == ("neutral", False)
    assert connect.version_of(store.engine) == schema.HEAD
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, schema.Base.metadata) == []
    store.close()


def test_how_earlier_samples_came_is_read_from_what_was_served_and_old_verdicts_are_still_said(
    config: Settings,
) -> None:
    config.home.mkdir()
    engine = connect.engine_for(connect.url_of(config))
    connect.migrate(engine, config.home, "0008")
    rows = {
        "doubted": ("low_confidence", None),
        "checked": ("audit", None),
        "unfamiliar-disputed": ("disputed", {"flagged": True, "reason": "unfamiliar"}),
        "checked-disputed": ("disputed", {"flagged": True, "reason": "audit"}),
        "sure-disputed": ("disputed", {"flagged": False, "reason": None}),
        "imported": (None, None),
    }
    doubted_disputed = {"flagged": True, "reason": "low_confidence"}
    many = {f"disputed {number}": ("disputed", doubted_disputed) for number in range(1_001)}  # read in parts
    lower = {"key": "status.night_worse_macro_f1", "values": {"champion": 0.5, "challenger": 0.4}}
    with engine.begin() as connection:
        for name, (reason, prediction) in {**rows, **many}.items():
            connection.execute(
                text(
                    "INSERT INTO samples (sample_id, task, state, modalities, predicted_value, confidence, reason, "
                    "prediction, model_version, doubt, created_at, updated_at, agreed_at) VALUES (:id, 'sentiment', "
                    "'queued', '[]', 'positive', 0.4, :reason, :prediction, 'v1', 0.6, '2026-11-01', '2026-11-01', "
                    "'2026-11-01')"
                ),
                {"id": name, "reason": reason, "prediction": prediction and json.dumps(prediction)},
            )
        connection.execute(
            text(
                "INSERT INTO runs (task, state, verdict, reasons, figures, last_correction, started_at) VALUES "
                "('sentiment', 'done', 'rejected', :reasons, '{}', 0, '2026-11-01')"
            ),
            {"reasons": json.dumps([lower])},
        )
    engine.dispose()
    with closing(open_store(config)) as store, store.reading() as session:
        ways = {name: (samples.get(session, name).stratum, samples.get(session, name).propensity) for name in rows}
        later = {(samples.get(session, name).stratum, samples.get(session, name).propensity) for name in many}
        run = runs.last(session, "sentiment")
        assert run is not None and "macro f1 is worse, 0.400 against 0.500" in runs.as_run(run).reasons[0]
    doubted, checked = ("flagged", 1.0), ("audited", None)
    assert list(ways.values()) == [doubted, checked, doubted, checked, (None, None), (None, None)]
    assert later == {doubted}


def test_an_up_to_date_database_is_not_migrated_again(store: Store, config: Settings) -> None:
    (config.home / "migrate.lock").unlink()
    open_store(config).close()
    assert not (config.home / "migrate.lock").exists()


def test_the_connection_has_its_manners(store: Store) -> None:
    with store.engine.connect() as connection:
        names = ("journal_mode", "foreign_keys", "synchronous", "secure_delete")
        pragmas = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    assert pragmas == ["wal", 1, 2, 1]  # 2: FULL, what is acknowledged is on disk


def test_a_session_rolls_back_unless_committed(store: Store) -> None:
    with store.session() as session:
        session.add(sentiment.row())
        session.flush()
    with store.reading() as session:
        assert samples.find(session, sentiment.NEVER) is None


def test_a_locked_database_is_refused(config: Settings) -> None:
    open_store(config).close()
    store = open_store(config, busy_ms=50)
    with sqlite3.connect(config.home / "mmdemo.sqlite", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with store.reading() as session:
            assert samples.waiting(session) == []  # readers never wait for a writer
        with pytest.raises(StorageError, match="stayed locked"):
            offer(store)
        other.execute("ROLLBACK")
    other.close()
    offer(store)
    store.close()


def test_a_read_only_database_is_refused(config: Settings) -> None:
    open_store(config).close()
    url = f"sqlite:///file:{config.home / 'mmdemo.sqlite'}?mode=ro&uri=true"
    store = open_store(Settings(home=config.home, database_url=url))
    with pytest.raises(StorageError, match="cannot be written"):
        offer(store)
    store.close()


def test_a_full_disk_is_refused_and_leaves_nothing(config: Settings) -> None:
    store = open_store(config)
    store.close()  # the limit holds for connections that are opened from here on
    event.listen(store.engine, "connect", lambda raw, _: raw.execute("PRAGMA max_page_count=1"))
    with pytest.raises(StorageError, match=r"disk of .* is full"):
        for number in range(50):
            offer(store, "long caption " * 400 + str(number), seed=number)
    pictures = [path for path in store.media.glob("*/*") if path.is_file()]
    with store.reading() as session:
        assert len(samples.waiting(session)) == len(pictures)
    store.close()


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for home in (tmp_path / "file", tmp_path / "file" / "home", Path("/proc/nowhere")):
        with pytest.raises(StorageError, match="Set MMDEMO_HOME"):
            open_store(Settings(home=home))


def test_a_file_that_is_no_database_is_refused(config: Settings) -> None:
    config.home.mkdir()
    (config.home / "mmdemo.sqlite").write_text("this is no database, whatever its name says" * 100)
    with pytest.raises(StorageError, match="not a database that can be read"):
        open_store(config)


def test_a_database_of_a_newer_release_is_refused(store: Store, config: Settings) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StorageError, match="newer release"):
        open_store(config)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not the address of a database"),
        ("nosuch://host/name", "not the address of a database"),
        ("sqlite:////proc/nowhere/x.sqlite", "cannot be made"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(config: Settings, url: str, said: str) -> None:
    with pytest.raises(StorageError, match=said):
        open_store(Settings(home=config.home, database_url=url))


def test_the_tables_are_ones_that_postgresql_can_make() -> None:
    for table in schema.Base.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))
        for index in table.indexes:
            name = postgresql.dialect().identifier_preparer.format_index(index)
            assert len(name) <= 63 and "CREATE INDEX" in str(CreateIndex(index).compile(dialect=postgresql.dialect()))


def offer(store: Store, caption: str = "quiet evening", seed: int | None = None) -> None:
    sample = sentiment.inputs(caption, seed)
    review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))


class Contested:
    """A connection to a database that others hold for some attempts."""

    def __init__(self, attempts: int) -> None:
        self.left = attempts
        self.isolation_level: str | None = ""
        self.done: list[str] = []

    def execute(self, statement: str) -> None:
        if "journal_mode" in statement and self.left:
            self.left -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error
        self.done.append(statement)


def test_two_that_switch_a_new_database_at_once_wait_for_each_other() -> None:
    contested = Contested(attempts=3)
    connect.configure(contested, busy_ms=5_000)
    assert contested.done[0] == "PRAGMA journal_mode=WAL" and len(contested.done) == 4
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        connect.configure(Contested(attempts=1_000_000), busy_ms=50)


@pytest.mark.parametrize("name", ["50% off", "what?", "a#b", "zwei Wörter", "家", "%20", "a;b&c=d", "it's"])
def test_a_home_may_be_called_anything(tmp_path: Path, name: str) -> None:
    config = Settings(home=tmp_path / name)
    open_store(config).close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    assert (config.home / "mmdemo.sqlite").is_file()
