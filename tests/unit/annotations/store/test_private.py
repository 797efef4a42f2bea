"""What is kept can be read by its owner alone, also where a home of before stood open."""

import logging
import stat
from pathlib import Path

from annotations import review_queue
from annotations.store import open_store, private
from mmdemo.settings import Settings
from tests.unit.annotations import sentiment


def modes(home: Path) -> set[str]:
    return {stat.filemode(path.stat().st_mode) for path in (home, *home.rglob("*"))}


def fill(config: Settings) -> None:
    store = open_store(config)
    sample = sentiment.inputs(seed=1)
    review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))
    names = {path.name for path in config.home.iterdir()}
    assert {"mmdemo.sqlite", "mmdemo.sqlite-wal", "mmdemo.sqlite-shm", "media"} <= names
    assert modes(config.home) == {"drwx------", "-rw-------"}
    store.close()


def test_a_new_home_is_its_owners_alone_and_nothing_is_said(config: Settings, caplog) -> None:
    fill(config)
    open_store(config).close()
    assert caplog.messages == []


def test_a_home_that_stood_open_is_closed_and_that_is_said(config: Settings, caplog) -> None:
    fill(config)
    version = config.versions / "sentiment" / "v1"
    version.mkdir(parents=True)
    (version / "version.json").write_text("{}")
    (config.home / "notes.txt").write_text("not ours")
    for path in (config.home, *config.home.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    with caplog.at_level(logging.WARNING):
        open_store(config).close()
    assert [message for message in caplog.messages if "could be read by other users" in message]
    assert stat.filemode((config.home / "notes.txt").stat().st_mode) == "-rw-r--r--"
    (config.home / "notes.txt").unlink()
    assert modes(config.home) == {"drwx------", "-rw-------"}


def test_a_database_elsewhere_is_closed_too(config: Settings, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.sqlite"
    elsewhere.touch(mode=0o644)
    open_store(Settings(home=config.home, database_url=f"sqlite:///{elsewhere}")).close()
    assert stat.filemode(elsewhere.stat().st_mode) == "-rw-------"


def test_a_folder_in_which_everybody_may_write_is_left_alone_and_that_is_said(tmp_path: Path, caplog) -> None:
    common = tmp_path / "tmp"
    common.mkdir()
    common.chmod(0o1777)
    private.tighten(common, None)
    assert stat.S_IMODE(common.stat().st_mode) == 0o1777
    assert "everybody may write" in caplog.text
