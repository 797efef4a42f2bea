"""A real PostgreSQL server, where one is installed: what is forgotten leaves its tables, and strangers read no host."""

import os
import pwd
import shutil
import subprocess
import tempfile
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from annotations import review_queue
from annotations.acquisition import rescoring
from annotations.acquisition.strata import held_out_draw
from annotations.review_queue import predictions, retention
from annotations.store import Store, connect, open_store, panel, runs, samples, snapshots, tallies
from annotations.store.snapshots import SnapshotEntry
from annotations.store.tallies import Counted
from mmdemo.answers import LabelAnswer
from mmdemo.errors import StorageError
from mmdemo.settings import Settings
from mmdemo.values.samples import Prediction
from tests import serving
from tests.unit.annotations import sentiment
from tests.unit.annotations.acquisition.test_rescoring import Version
from tests.unit.annotations.earlier_home import home_of_before
from tests.unit.annotations.store.test_tallies import Walk, check

pytest.importorskip("psycopg", reason="psycopg is not installed: see requirements-dev.txt")
SECRET = "zanzibar-quokka"


def program(name: str) -> str | None:
    candidates = [
        shutil.which(name),
        *map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)),
    ]
    return next((path for path in candidates if path), None)


def as_somebody(folder: Path) -> dict[str, object]:
    """Return how to start a program: PostgreSQL refuses to be run by root."""
    if os.geteuid():
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "cwd": folder}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Path]]:
    """The URL of a running server's empty database, and the folder of its files."""
    if not (initdb := program("initdb")) or not (postgres := program("postgres")):
        pytest.skip("no PostgreSQL server is installed")
    with tempfile.TemporaryDirectory(prefix="postgresql-") as name:
        folder, port = Path(name), serving.free_port()
        options = as_somebody(folder)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([initdb, "-D", folder / "data", "-U", "keeper", "-A", "trust"], check=True, **quiet, **options)
        words = ["-D", folder / "data", "-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
        with subprocess.Popen([postgres, *words], **quiet, **options) as running:
            try:
                yield f"postgresql+psycopg://keeper@127.0.0.1:{port}/postgres", folder / "data"
            finally:
                running.terminate()


def opened(url: str, home: Path) -> Store:
    config = Settings(home=home, database_url=url)
    for _ in range(100):
        try:
            return open_store(config)
        except StorageError as error:
            refused = error
            subprocess.run(["sleep", "0.1"], check=True)
    raise refused


def test_what_is_forgotten_leaves_the_tables(server: tuple[str, Path], tmp_path: Path) -> None:
    url, data = server
    with closing(opened(url, tmp_path / "home")) as store:
        assert store.is_paired()
        sample = sentiment.inputs(f"the {SECRET} sleeps", seed=1)
        sample_id, prediction_id = review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))
        review_queue.correct(store, sentiment.TASKS, sample_id, "negative", "Ann", f"it says {SECRET}")
        with store.session() as session:  # as of a task whose answers are free texts
            panel.keep(session, sample_id, _saying(SECRET))
            run_id = runs.start(session, sentiment.TASK.name, "v1", "d" * 64, 1, 1)
            entry = SnapshotEntry(sample_id, SECRET, snapshots.HELD_OUT, SECRET, SECRET)
            snapshots.keep(session, run_id, [entry])
            session.commit()
        _checkpoint(store)
        assert _holds(data / "base")
        retention.forget(store, prediction_id)
        _checkpoint(store)
        assert not _holds(data / "base")
        assert store.scrub()  # there is nothing more to do
        assert retention.expire(store, 365) == 0


def test_a_database_of_the_release_before_is_brought_up_to_date(server: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = server
    with closing(opened(url, tmp_path / "another")) as store, store.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("CREATE DATABASE before")
    config = Settings(home=tmp_path / "home", database_url=url.removesuffix("postgres") + "before")
    plain, spelled = "a naïve dog", unicodedata.normalize("NFD", "a naïve dog\n")
    inputs = [sentiment.inputs(plain), sentiment.inputs(spelled), sentiment.inputs(spelled, seed=1)]
    names = ("Zoë", unicodedata.normalize("NFD", "Zoë"), "Zoë\u00a0")
    ids = home_of_before(config, *inputs, annotators=names)
    for _ in range(2):  # what stands at its release is left alone
        with closing(open_store(config)) as store:
            again = [review_queue.offer(store, sentiment.TASK, each, sentiment.prediction(each))[0] for each in inputs]
            assert again == [ids[0], ids[0], ids[2]]
            with store.reading() as session:
                rows = [samples.get(session, sample_id) for sample_id in ids]
                assert tallies.by_item(session, sentiment.TASK.name, Counted.ANNOTATOR) == {"Zoë": 3}
            assert [row.caption for row in rows] == [plain, spelled, spelled]
            assert [row.split_draw for row in rows] == [*[max(map(held_out_draw, ids[:2]))] * 2, held_out_draw(ids[2])]
            assert connect.version_of(store.engine) == connect.HEAD


@pytest.mark.parametrize("seed", range(2))
def test_counts_are_kept_there_too(server: tuple[str, Path], tmp_path: Path, seed: int) -> None:
    url, _ = server
    with closing(opened(url, tmp_path / "counted")) as store:
        walk = Walk(store, seed)
        for _ in range(60):
            walk.step()
        check(store)


def test_no_sentence_names_the_server_or_a_row(server: tuple[str, Path], tmp_path: Path, caplog) -> None:
    url, _ = server
    away = url.replace(url.split(":")[-1], f"{serving.free_port()}/postgres")
    with pytest.raises(StorageError) as refused:
        open_store(Settings(home=tmp_path / "home", database_url=away))
    for sentence in (refused.value.sentence(), refused.value.public_sentence("zh")):
        assert not [word for word in ("127.0.0.1", "keeper", "port", "connection") if word in sentence]
    assert "127.0.0.1" in caplog.text  # whoever runs it reads why
    caplog.clear()
    with (
        closing(opened(url, tmp_path / "home")) as store,
        pytest.raises(StorageError, match="refused") as broken,
        store.session() as session,
    ):
        session.execute(text("SELECT CAST(:caption AS integer)"), {"caption": SECRET})
    assert SECRET not in str(broken.value) + broken.value.public_sentence() + caplog.text


def test_a_database_of_before_is_brought_up_scored_again_and_decided(server: tuple[str, Path], tmp_path: Path) -> None:
    url, _ = server
    with closing(opened(url, tmp_path / "home")) as store, store.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("CREATE DATABASE earlier")
    config = Settings(home=tmp_path / "earlier", database_url=url.replace("/postgres", "/earlier"))
    config.home.mkdir()
    engine = connect.engine_for(connect.url_of(config))
    connect.migrate(engine, config.home, "0006")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO samples (sample_id, task, state, modalities, caption, label, confidence, model_version, "
                "doubt, created_at, updated_at, agreed_at, split_draw) VALUES (:id, 'sentiment', 'queued', "
                "'[\"text\"]', :caption, 'positive', 0.4, 'v1', :doubt, now(), now(), now(), 0)"
            ),
            [{"id": name, "caption": name, "doubt": doubt} for name, doubt in (("surely", 0.6), ("doubted", 0.5))],
        )
    engine.dispose()
    with closing(open_store(replace(config, deciding_reviewers="Ann"))) as store:
        with store.reading() as session:
            assert [row.scored_by for row in samples.waiting(session)] == ["v1", "v1"]
        scorer = Version("v2", {"surely": 0.9, "doubted": 0.4})
        assert [rescoring.rescore(store, sentiment.TASK, scorer).scored for _ in range(2)] == [2, 0]
        with store.reading() as session:
            rows = samples.waiting(session)
        assert [row.sample_id for row in rows] == ["doubted", "surely"]
        assert [predictions.guess_shown(row).value for row in rows] == ["negative", "negative"]
        counted = [review_queue.correct(store, sentiment.TASKS, "surely", label, who).counts for who, label in SAID]
        assert counted == [True, True, True, False]


SAID = (("Ben", "negative"), ("Cleo", "negative"), ("Ann", "neutral"), ("Dora", "negative"))


def _saying(value: str) -> Prediction:
    prediction = sentiment.prediction(sentiment.inputs())
    return replace(prediction, answer=LabelAnswer(value, {value: 1.0}))


def _checkpoint(store: Store) -> None:
    with store.engine.connect() as connection:
        connection.exec_driver_sql("CHECKPOINT")


def _holds(folder: Path) -> bool:
    return any(SECRET.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())
