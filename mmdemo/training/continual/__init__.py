"""A champion learns from a handful of corrections without losing what it knew. Who decides to serve it is elsewhere.

Of what a champion was trained on, only the task's examples are at hand, and what its folder remembers (memory.py). They
are rehearsed beside the corrections, with the champion's own answers as targets (LwF: Li and Hoiem, "Learning without
forgetting", ECCV 2016, equation 2). A correction's target keeps a share of what the champion said (soft bootstrapping:
Reed et al., "Training deep neural networks on noisy labels with bootstrapping", ICLR workshop 2015, equation 6): enough
for the right label to win, and no more. The weights are pulled towards where they were (L2-SP: Li, Grandvalet and
Davoine, "Explicit inductive bias for transfer learning", ICML 2018, equation 4), encoders that started from trained
weights stay as they are and are asked once about each sample, and so do all batch-norm statistics, which a few narrow
samples would spoil. benchmarks/forgetting.py measures what each is worth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmdemo import hashed_draw
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.continual import familiarity, memory
from mmdemo.training.continual.learning import learn, resting
from mmdemo.training.continual.memory import Role
from mmdemo.training.continual.recipe import Recipe, asks_once, recipe_of, started
from mmdemo.training.data import Data
from mmdemo.training.data.datasets import Item, decode_rows
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.manifests import Row
from mmdemo.training.version_folder import Draft, write_version
from mmdemo.values.review import MeasuredOn
from mmdemo.versions import sidecar

__all__ = ["Corrections", "Recipe", "asks_once", "learn", "recipe_of", "started", "update"]

ASIDE, ENOUGH = 0.1, 200  # share of the corrections that ends the training early, where there are so many


@dataclass(frozen=True)
class Corrections:
    """What people corrected, and what is learned beside it."""

    rows: Sequence[Row]
    rehearsed: Sequence[Row] = ()  # samples that a challenger should go on answering as its champion does
    dev: Sequence[Row] = ()  # corrections too, only measured on


def update(
    champion: Path,
    corrections: Corrections,
    out: Path,
    *,
    task: Task,
    seed: int = 0,
    recipe: Recipe | None = None,
    cache: TokenCache | None = None,
    store: Path | None = None,
) -> Path:
    """Teach the version in folder `champion` corrections; write the challenger to `out`, whole or not at all.

    Layers of encoders go into `store`, where one is given, once for all versions that carry them. The same seed gives
    the same weights on the same machine, whatever `cache` knew before. Returns `out`. Raises
    CheckpointError, ManifestError (a row that cannot be judged), StorageError.
    """
    before = sidecar.read(champion)
    task = task.in_profile(before.profile)
    recipe, cache = recipe or recipe_of(task), cache or TokenCache()
    loaded = MultimodalModel.load(champion)
    loaded.model.learn_to_answer(task.answers)  # a champion may not know "none of these" yet
    rest = resting(loaded.model, recipe, started(task))
    parts = [
        cache.encode(loaded, decode_rows(rows, task, loaded.processor), rest, ids)
        for rows, ids in (
            (corrections.rows, [row.id for row in corrections.rows]),
            (corrections.rehearsed, ()),
            (corrections.dev, [row.id for row in corrections.dev]),
        )
    ]
    train, rehearsed, dev = parts
    learned, aside = _parted(corrections.rows, train)
    known = _remembered(champion, loaded, rest, task)
    teach = partial(learn, loaded, learned, recipe, started=started(task), seed=seed, cache=cache)
    was = teach(rehearsed=rehearsed, remembered=known[Role.REHEARSED], aside=aside)
    about = dataclasses.replace(
        before.successor(out.name, f"{sidecar.RETRAINED} --task {task.name}"),
        none_of_these=task.none_of_these,
        data=manifests.digest(corrections.rows),
        samples=len(corrections.rows),
        memory=memory.digest(champion),
        seed=seed,
        options=recipe.as_options(),
        measured_on=MeasuredOn.HELD_OUT,
    )
    calibrate = partial(
        familiarity.carry_on, folder=champion, champion=was, seed=seed, remembered=known[Role.REHEARSED]
    )
    # Corrections alone are mostly what the champion doubted: temperatures would be those of doubtful samples.
    calibration = [*known[Role.CALIBRATION], *aside] if known[Role.CALIBRATION] else []
    draft = Draft(out, task, about, parent=champion, store=store)
    return write_version(loaded, Data(train, calibration, dev), draft, calibrate)


def _remembered(champion: Path, loaded: Loaded, rest: Sequence[str], task: Task) -> dict[Role, list[Item]]:
    """Return what the champion's folder remembers, by use; nothing where an encoder learns, or is another."""
    kept = memory.load(champion)
    usable = kept if kept and len(rest) == len(loaded.model.encoders) and kept.fits(loaded) else None
    return {role: [one.item(task) for one in usable.of(role)] if usable else [] for role in Role}


def _parted(rows: Sequence[Row], items: Sequence[Item]) -> tuple[list[Item], list[Item]]:
    """Return the items to learn from, and those set aside, which are drawn by their ids: none where there are few."""
    aside = {row.id for row in rows if len(rows) >= ENOUGH and hashed_draw.draw("stop", row.id) < ASIDE}
    sides: tuple[list[Item], list[Item]] = [], []
    for row, item in zip(rows, items, strict=True):
        sides[row.id in aside].append(item)
    return sides
