"""A task that a model learns in seconds: its pictures are queued and corrected, and weights are compared."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.torch import save

from annotations import review_queue
from annotations.store import open_store
from mmdemo.decode import decode
from mmdemo.model import packing
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Sample
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations import sentiment


def answer(
    config: Settings, task: Task, pictures: list[tuple[np.ndarray, str]], label: Callable[[str, str], str] | None = None
) -> list[str]:
    """Queue the pictures and correct each; `label` gets its id and the truth. Return the ids."""
    store, ids = open_store(config), []
    for image, truth in pictures:
        inputs = decode(Sample(image=Image.fromarray(image)), task)
        sample_id, _ = review_queue.offer(store, task, inputs, sentiment.prediction(inputs, version=FIRST, task=task))
        chosen = label(sample_id, truth) if label else truth
        review_queue.correct(store, {task.name: task}, sample_id, chosen, "Ann")
        ids.append(sample_id)
    store.close()
    return ids


def other(truth: str) -> str:
    return next(label for label in tiny_training.LABELS if label != truth)


def weights(folder: Path) -> bytes:
    """Return all weights of a version, in whatever files they lie."""
    return save(packing.read(folder))


def copied(config: Settings, folder: Path) -> Settings:
    """Return a copy of a home, which a test may change."""
    shutil.copytree(config.home, folder / "home")
    return Settings(home=folder / "home")
