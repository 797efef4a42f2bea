"""An empty home folder and its open store."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.store import Store, open_store
from mmdemo.settings import Settings


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    """Settings of an empty home folder of this test's own."""
    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty database: going through all migrations takes longer than most tests."""
    settings = Settings(home=tmp_path_factory.mktemp("migrated"))
    open_store(settings).close()
    return settings.home / "mmdemo.sqlite"


@pytest.fixture
def store(config: Settings, migrated: Path) -> Iterator[Store]:
    """The open store of `config`."""
    config.home.mkdir(exist_ok=True)
    shutil.copy(migrated, config.home)
    opened = open_store(config)
    yield opened
    opened.close()
