"""An empty home folder and its open store."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from annotations.loop import Loop
from annotations.store import Store, open_store
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from tests import tiny_training
from tests.unit.annotations.sentiment import RulePredictor


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    """Settings of an empty home folder of this test's own."""
    return Settings(home=tmp_path / "home")


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with an empty store; a copy opens faster than a new one is built."""
    home = tmp_path_factory.mktemp("empty") / "home"
    open_store(Settings(home=home)).close()
    return home


@pytest.fixture
def store(config: Settings, empty_home: Path) -> Iterator[Store]:
    """The open store of `config`; an empty one where there is none yet."""
    if not (config.home / "mmdemo.sqlite").exists():
        shutil.copytree(empty_home, config.home, dirs_exist_ok=True)
    opened = open_store(config)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[np.ndarray, str]]:
    """Pictures of `tiny_training`'s task with what each is; nobody changes them."""
    return tiny_training.drawn(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def predictors() -> dict[str, RulePredictor]:
    """Those that `loop` has made, by task."""
    return {}


@pytest.fixture
def loop(config: Settings, empty_home: Path, predictors: dict[str, RulePredictor]) -> Iterator[Loop]:
    """The loop over `config`."""
    shutil.copytree(empty_home, config.home)

    def make(task: Task, settings: Settings) -> RulePredictor:
        return predictors.setdefault(task.name, RulePredictor(task, settings))

    running = Loop(config, make)
    yield running
    running.close()
