"""An empty home folder and its open store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from annotations.store import Store, open_store
from mmdemo.settings import Settings


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    """Settings of an empty home folder of this test's own."""
    return Settings(home=tmp_path / "home")


@pytest.fixture
def store(config: Settings) -> Iterator[Store]:
    """The open store of `config`."""
    opened = open_store(config)
    yield opened
    opened.close()
