"""Beside a memory of means corrections are learned from means: told by their tokens, they would be learned apart."""

from dataclasses import replace
from pathlib import Path

import pytest

from mmdemo import tasks
from mmdemo.model import MultimodalModel
from mmdemo.training import manifests
from mmdemo.training.continual import Recipe, learn, memory
from mmdemo.training.data.augmentation import Augmentation
from mmdemo.training.data.datasets import decode_rows
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.fitting.inference import logits, targets_of

RECIPE = Recipe(augmentation=Augmentation(augment=False), passes=0, steps=80)


@pytest.mark.slow
@pytest.mark.parametrize("apart", [False, True])
def test_what_is_held_back_of_a_memory_shows_what_corrections_of_one_class_break(trained, apart: bool) -> None:
    task, loaded = tasks.load_file(Path(trained.task)), MultimodalModel.load(trained.folder)
    whole = TokenCache().encode(loaded, decode_rows(manifests.read(trained.train, task), task, loaded.processor))
    means = [memory.as_remembered(item) for item in whole]
    third = len(whole) // 3
    of_one_class = [replace(item, target=0) for item in whole[:third]]
    beside = means[third : 2 * third]
    remembering = {"rehearsed" if apart else "remembered": beside}  # apart: as if it were not known that they are means
    learn(loaded, of_one_class, RECIPE, **remembering, started=["image"])
    in_fact, as_remembered = (
        (logits(loaded, part).argmax(axis=1) == targets_of(part)).mean()
        for part in (whole[2 * third :], means[2 * third :])
    )
    assert (abs(in_fact - as_remembered) > 0.3) == apart
