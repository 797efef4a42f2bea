"""A champion learns from a handful of corrections without losing what it knew. Who decides to serve it is elsewhere.

Of what a champion was trained on, only the task's examples are at hand. They are rehearsed beside the corrections, with
the champion's own answers as targets (LwF: Li and Hoiem, "Learning without forgetting", ECCV 2016, equation 2). A
correction's target keeps a share of what the champion said (soft bootstrapping: Reed et al., "Training deep neural
networks on noisy labels with bootstrapping", ICLR workshop 2015, equation 6): enough for the right label to win, and no
more. The weights are pulled towards where they were (L2-SP: Li, Grandvalet and Davoine, "Explicit inductive bias for
transfer learning", ICML 2018, equation 4), encoders that started from trained weights stay frozen, and so do all
batch-norm statistics, which a few narrow samples would spoil. benchmarks/forgetting.py measures what each is worth.
"""

from __future__ import annotations

import copy
import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler

from mmdemo.checks import out_of_distribution
from mmdemo.checks.out_of_distribution import ReferenceStats, distance
from mmdemo.model import Loaded, MultimodalModel, MultimodalProcessor
from mmdemo.model.batch import Batch
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.calibration.reference_stats import QUANTILE, fit
from mmdemo.training.data import Data
from mmdemo.training.data.augmentation import Augmentation
from mmdemo.training.data.datasets import Item, LabelledBatch, Samples, collate, decode_rows
from mmdemo.training.data.feature_cache import masked
from mmdemo.training.manifests import Row
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.training.options import options
from mmdemo.training.version_folder import Calibration, Draft, pooled, write_version
from mmdemo.values.review import MeasuredOn
from mmdemo.versions import sidecar

REMEMBERED = 1000  # samples drawn from what was familiar to the champion, to stand for those it learned from
BLUR = 0.5  # how far remembered features move with the weights, in shares of how far those of the corrections do


@dataclass(frozen=True)
class Recipe:
    """How a challenger is made from a champion."""

    steps: int = 120
    passes: int = 4  # over the corrections at least, which takes more steps where there are many
    batch: int = 8  # corrections a step, and as many rehearsed samples
    lr: float = 1e-3  # falls to 0 along a cosine
    soften: float = 0.1  # share of the champion's answer in a correction's target
    rehearse: float = 1.0  # weight of staying with the champion's answers on rehearsed samples
    temperature: float = 2.0  # at which those answers are compared
    pull: float = 1.0  # L2-SP: weight of half the squared distance from the champion's weights
    freeze_started: bool = True  # encoders that started from trained weights keep theirs
    freeze_statistics: bool = True  # batch norms keep their running means and variances
    augmentation: Augmentation = Augmentation()  # to samples; those of the task's own training
    max_grad_norm: float = 1.0

    def as_options(self) -> dict[str, Any]:
        """Return the options of the night as a version's sidecar holds them."""
        options = dataclasses.asdict(self)
        augmentation = options.pop("augmentation")
        return options | {name: value for name, value in augmentation.items() if name != "words"}


@dataclass(frozen=True)
class Corrections:
    """What people corrected, and what is learned beside it."""

    rows: Sequence[Row]
    rehearsed: Sequence[Row] = ()  # samples that a challenger should go on answering as its champion does
    dev: Sequence[Row] = ()  # corrections too, only measured on


def update(
    champion: Path, corrections: Corrections, out: Path, *, task: Task, seed: int = 0, recipe: Recipe | None = None
) -> Path:
    """Teach the version in folder `champion` corrections; write the challenger to `out`, whole or not at all.

    The same seed gives the same weights on the same machine. Returns `out`. Raises CheckpointError, ManifestError (a
    row that cannot be judged), StorageError.
    """
    recipe = recipe or recipe_of(task)
    before = sidecar.read(champion)
    task = task.in_profile(before.profile)
    loaded = MultimodalModel.load(champion)
    loaded.model.learn_to_answer(task.answers)  # a champion may not know "none of these" yet
    train, rehearsed, dev = (
        decode_rows(part, task, loaded.processor) for part in (corrections.rows, corrections.rehearsed, corrections.dev)
    )
    learn(loaded, train, recipe, rehearsed=rehearsed, started=started(task), seed=seed)
    about = dataclasses.replace(
        before,
        version=out.name,
        none_of_these=task.none_of_these,
        created_at=sidecar.now(),
        parent=before.version,
        data=manifests.digest(corrections.rows),
        samples=len(corrections.rows),
        seed=seed,
        command=f"{sidecar.RETRAINED} --task {task.name}",
        code_revision=sidecar.code_revision(),
        options=recipe.as_options(),
        measured_on=MeasuredOn.HELD_OUT,
        promise=None,  # its thresholds were the champion's
    )
    calibrate = partial(_carry_on, champion=champion, seed=seed)
    return write_version(loaded, Data(train, dev=dev), Draft(out, task, about), calibrate)


def recipe_of(task: Task) -> Recipe:
    """Return the night's recipe, which changes samples as the task's own training does."""
    return Recipe(augmentation=Augmentation.of(options(task)))


def learn(
    loaded: Loaded,
    items: Sequence[Item],
    recipe: Recipe,
    *,
    rehearsed: Sequence[Item] = (),
    started: tuple[str, ...] = (),
    seed: int = 0,
) -> None:
    """Teach a model the items in place. `started`: beginnings of the names of parameters that had trained weights."""
    torch.manual_seed(seed)
    model, processor = loaded
    champion = copy.deepcopy(model).eval()
    frozen = started if recipe.freeze_started else ()
    moving = {name: value for name, value in model.named_parameters() if not name.startswith(frozen or ("-",))}
    anchors = {name: value.detach() for name, value in champion.named_parameters()}
    for name, value in model.named_parameters():
        value.requires_grad_(name in moving)  # what is frozen needs no gradient either
    steps = max(recipe.steps, recipe.passes * -(-len(items) // recipe.batch))
    optimizer = torch.optim.AdamW(moving.values(), lr=recipe.lr, weight_decay=0.0)  # the pull takes decay's place
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    if recipe.freeze_statistics:
        _freeze_statistics(model)
    holes = masked(model, recipe.augmentation.augment)
    batches = partial(_batches, processor, recipe=recipe, steps=steps, masked=holes)
    rehearsal = batches(rehearsed) if rehearsed and recipe.rehearse else itertools.repeat(None)
    for batch, old in zip(batches(items), rehearsal, strict=False):
        loss = _lesson(model, champion, batch, recipe.soften) + recipe.pull / 2 * _distance(moving, anchors)
        if old is not None:
            loss = loss + recipe.rehearse * _disagreement(model, champion, old.inputs, recipe.temperature)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(moving.values(), recipe.max_grad_norm)
        optimizer.step()
        schedule.step()
    model.requires_grad_(True).eval()


def _batches(
    processor: MultimodalProcessor, items: Sequence[Item], *, recipe: Recipe, steps: int, masked: bool
) -> DataLoader:
    samples = Samples(items, recipe.augmentation)
    order = RandomSampler(samples, num_samples=steps * recipe.batch)  # one shuffle behind another
    return DataLoader(samples, recipe.batch, sampler=order, collate_fn=collate(processor, masked))


def _lesson(model: MultimodalModel, champion: MultimodalModel, batch: LabelledBatch, soften: float) -> Tensor:
    """Return the loss of a batch of corrections, whose targets keep a share of the champion's answers."""
    outputs, targets = model(batch.inputs).logits, batch.targets
    if soften:
        targets = OBJECTIVES[model.config.kind].softened(targets, _answers(champion, batch.inputs), soften)
    return model.head.loss(outputs, targets)


def _disagreement(model: MultimodalModel, champion: MultimodalModel, inputs: Batch, temperature: float) -> Tensor:
    """Return how far the answers to a batch are from the champion's."""
    disagreement = OBJECTIVES[model.config.kind].disagreement
    return disagreement(model(inputs).logits, _answers(champion, inputs), temperature)


@torch.no_grad()
def _answers(champion: MultimodalModel, inputs: Batch) -> Tensor:
    return champion(inputs).logits


def started(task: Task) -> tuple[str, ...]:
    """Return the beginnings of the names of parameters that started from trained weights."""
    return tuple(f"encoders.{name}." for name, entry in task.encoders.items() if "start" in entry)


def _freeze_statistics(model: nn.Module) -> None:
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def _distance(moving: Mapping[str, Tensor], anchors: Mapping[str, Tensor]) -> Tensor:
    return torch.stack([(value - anchors[name]).square().sum() for name, value in moving.items()]).sum()


def _carry_on(loaded: Loaded, data: Data, *, champion: Path, seed: int) -> Calibration:
    """Keep the champion's scalings, and what was usual to it; the corrections become usual too.

    No limit gets narrower: few samples made it wide, and what is remembered of them is drawn as if they were many.
    """
    before = sidecar.read(champion)
    draw = np.random.default_rng(seed)
    old = pooled(Loaded(MultimodalModel.load(champion).model, loaded.processor), data.train)
    new = pooled(loaded, data.train)
    wider, limits = {}, {}
    for name, stats in out_of_distribution.load(champion).items():
        features = remember(stats, draw)
        if name in new:
            features += _blur(old[name], new[name], features.shape, draw)
        parts = [features, *([new[name]] if name in new else [])]
        wider[name] = fit(np.concatenate(parts))
        if name in before.familiarity:
            reach = [float(np.quantile(distance(wider[name], part), QUANTILE)) for part in parts]
            limits[name] = round(max(before.familiarity[name], *reach), 4)
    return Calibration(before.scalings, wider, limits, dict(before.too_few))


def remember(stats: ReferenceStats, draw: np.random.Generator) -> np.ndarray:
    """Return features (REMEMBERED, d) as the samples may have had that `stats` were fitted on."""
    along = draw.normal(size=(REMEMBERED, len(stats.directions))) * stats.scale[:-1]  # (n, k)
    rest = draw.normal(size=(REMEMBERED, len(stats.mean)))
    rest -= rest @ stats.directions.T @ stats.directions
    rest *= stats.scale[-1] / np.linalg.norm(rest, axis=1).mean()
    return stats.mean + along @ stats.directions + rest


def _blur(old: np.ndarray, new: np.ndarray, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """Return noise of `shape` (n, d) for what learning did to features that nobody can compute any more.

    The corrections' features went from `old` (m, d) to `new`; others went some other way, and less far.
    """
    distance = np.linalg.norm(new - old, axis=1).mean()
    return draw.normal(scale=BLUR * distance / np.sqrt(shape[1]), size=shape)
