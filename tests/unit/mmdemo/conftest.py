"""A model that really learned something, trained once for all tests that need one."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mmdemo.training.data import Manifests
from mmdemo.training.run import train
from tests import tiny_training


@dataclass(frozen=True)
class Trained:
    """What one training run was given, and its version folder."""

    task: str  # path of the TOML
    train: Path
    dev: Path
    folder: Path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs the trained version waits for its training, and is slow."""
    for item in items:
        if "trained" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A version of the task of tests/tiny_training.py."""
    root = tmp_path_factory.mktemp("trained")
    task = str(tiny_training.write_task(root))
    train_manifest, dev = tiny_training.write(root, 160), tiny_training.write(root, 40, seed=1, name="dev")
    job = tiny_training.job(task, seed=3)
    return Trained(task, train_manifest, dev, train(job, Manifests(train_manifest, dev), root / "v1"))
