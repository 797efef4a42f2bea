"""Store and media folder carry one id; without it, or too many at once, no file is erased by what the folder holds."""

import os
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from annotations import review_queue
from annotations.review_queue import retention
from annotations.schema import now
from annotations.store import Store, connect, open_store, pairing
from mmdemo.errors import StorageError
from mmdemo.settings import Settings
from tests.unit.annotations import sentiment


def offer(store: Store, seed: int) -> str:
    sample = sentiment.inputs(f"caption {seed}", seed)
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))[1]


def files(config: Settings) -> list[Path]:
    return sorted(config.media.glob("*/*"))


def age(config: Settings) -> None:
    for path in files(config):
        os.utime(path, (0, 0))


def filled(config: Settings, number: int = 4) -> None:
    store = open_store(config)
    for seed in range(number):
        offer(store, seed)
    store.close()
    age(config)


def expire(config: Settings, told_to: bool = False) -> list[str]:
    store = open_store(config)
    try:
        retention.expire(store, 365, told_to=told_to)
        return [notice.key for notice in retention.notices(store)]
    finally:
        store.close()


def test_a_new_home_is_paired_and_stays_so(config: Settings) -> None:
    store = open_store(config)
    assert store.is_paired()
    own = pairing.read(config.media)
    store.close()
    open_store(config).close()
    assert pairing.read(config.media) == own and len(own) == 32


def test_a_home_started_without_its_database_keeps_every_file(config: Settings) -> None:
    filled(config)
    aside = config.home / "aside"
    (config.home / "mmdemo.sqlite").rename(aside)
    assert expire(config) == ["status.media_of_another"]
    assert expire(config, told_to=True) == ["status.media_of_another"]  # nobody said that the folder is this one's
    assert len(files(config)) == 4
    for path in config.home.glob("mmdemo.sqlite*"):
        path.unlink()
    aside.rename(config.home / "mmdemo.sqlite")
    assert expire(config) == []
    assert len(files(config)) == 4


def test_another_database_keeps_every_file_however_much_it_adds(config: Settings, tmp_path: Path) -> None:
    filled(config)
    other = Settings(home=config.home, database_url=f"sqlite:///{tmp_path / 'other.sqlite'}")
    filled(other, 40)
    assert expire(other) == ["status.media_of_another"]
    assert len(files(config)) == 40  # the four are among them: the same pictures


RENAMED = (
    ("samples", "predicted_value", "label"),
    ("corrections", "value", "label"),
    ("corrections", "predicted_value", "predicted_label"),
)
LATER_INDEXES = (
    "samples_original_digest",
    "samples_caption_digest",
    "samples_pinned_at",
    "samples_task_state_doubt",
    "samples_asked",
    "samples_task_stratum_state_model_version_created_at",
    "samples_task_reason_model_version",
    "samples_task_in_panel_created_at_sample_id",
    "samples_task_standing_id",
    "samples_agreed_at_sample_id",
    "corrections_corrected_at",
    "corrections_withdrawn_at_sample_id",
    "moves_who_browser_id",
)


def without_ids(config: Settings) -> None:
    """Make a home such as the release before left it."""
    engine = connect.engine_for(connect.url_of(config))
    with engine.begin() as connection:
        for table in ("facts", "sample_aliases", "tallies"):
            connection.execute(text(f"DROP TABLE {table}"))
        for index in LATER_INDEXES:
            connection.execute(text(f"DROP INDEX ix_{index}"))
        connection.execute(text("CREATE INDEX ix_samples_task_state_doubt ON samples (task, state, doubt)"))
        connection.execute(text("DROP TABLE panel_answers"))
        for column in (
            "original_digest",
            "caption_digest",
            "split_draw",
            "scored_by",
            "fresh_prediction",
            "stratum",
            "propensity",
            "in_panel",
            "pinned_at",
            "standing_id",
        ):
            connection.execute(text(f"ALTER TABLE samples DROP COLUMN {column}"))
        for table, column, before in RENAMED:
            connection.execute(text(f"ALTER TABLE {table} RENAME COLUMN {column} TO {before}"))
        connection.execute(text("ALTER TABLE outside_projects ADD COLUMN pulled_until DATETIME"))
        connection.execute(text("DROP TABLE snapshots"))
        connection.execute(text("ALTER TABLE runs DROP COLUMN corrections"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    engine.dispose()
    (config.media / pairing.MARKER).unlink()


def test_a_home_of_before_gets_its_id_when_its_files_are_known(config: Settings) -> None:
    filled(config)
    without_ids(config)
    assert expire(config) == []
    assert pairing.read(config.media) and len(files(config)) == 4


def test_a_home_of_before_without_its_database_gets_none(config: Settings) -> None:
    filled(config)
    without_ids(config)
    (config.home / "mmdemo.sqlite").unlink()
    assert expire(config) == ["status.media_of_another"]
    assert len(files(config)) == 4


def test_whoever_runs_it_can_say_that_the_folder_is_this_ones(config: Settings) -> None:
    filled(config)
    (config.home / "mmdemo.sqlite").unlink()
    store = open_store(config)
    assert not store.is_paired()
    assert store.pair(told_to=True) and store.is_paired()
    store.close()
    assert expire(config) == []
    assert files(config) == []  # four that nothing refers to: fewer than what looks like a fault


def test_a_backup_that_is_older_than_its_folder_erases_nothing_unless_told_to(config: Settings) -> None:
    open_store(config).close()
    folder = config.media / "ab"
    folder.mkdir()
    for number in range(retention.FEW + 1):
        (folder / f"{number}.png").write_bytes(b"x")
    age(config)
    assert expire(config) == ["status.sweep_held"]
    assert len(files(config)) == retention.FEW + 1
    assert expire(config, told_to=True) == []
    assert files(config) == []


def test_of_many_that_are_due_a_share_goes_each_day(config: Settings) -> None:
    store, many = open_store(config), retention.FEW * 2
    with store.session() as session:
        session.add_all(sentiment.row(f"{number:064}", at=now() - timedelta(days=31)) for number in range(many))
        session.add(sentiment.row("f" * 64))
        session.commit()
    assert [retention.expire(store, 30) for _ in range(2)] == [retention.FEW, 0]
    assert [notice.key for notice in retention.notices(store)] == ["status.expiry_held"]
    assert [retention.expire(store, 30, now() + timedelta(days=day)) for day in (1, 2)] == [retention.FEW, 0]
    assert retention.notices(store) == []
    store.close()


def test_a_home_that_is_removed_while_it_is_used_is_noticed(config: Settings) -> None:
    store = open_store(config)
    offer(store, 1)
    shutil.rmtree(config.home)
    with pytest.raises(StorageError, match="removed or replaced"):
        offer(store, 2)
    with pytest.raises(StorageError, match="removed or replaced"), store.reading():
        pass
    open_store(config).close()  # another database under the same name is not the one that was opened
    with pytest.raises(StorageError, match="removed or replaced"):
        offer(store, 3)
    store.close()


def test_a_home_that_is_put_back_is_used_again(config: Settings) -> None:
    store = open_store(config)
    config.home.rename(config.home.with_name("away"))
    with pytest.raises(StorageError, match="removed or replaced"):
        offer(store, 1)
    config.home.with_name("away").rename(config.home)
    assert offer(store, 1)
    store.close()


def test_a_media_folder_that_is_removed_is_noticed(config: Settings) -> None:
    store = open_store(config)
    shutil.rmtree(config.media)
    with pytest.raises(StorageError, match="removed or replaced"):
        offer(store, 1)
    assert not config.media.exists()
    store.close()
