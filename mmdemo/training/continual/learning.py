"""The steps of a night: corrections are learned, and what is rehearsed keeps its answers."""

from __future__ import annotations

import contextlib
import copy
import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mmdemo.model import Loaded, MultimodalModel, encoded
from mmdemo.training.continual import memory
from mmdemo.training.continual.recipe import Recipe
from mmdemo.training.data import feature_cache
from mmdemo.training.data.datasets import Item, LabelledBatch, Samples, collate
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.fitting import tuning
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.training.options import Tuning

LOOKS = 12  # at what is set aside, in a whole training


def resting(model: MultimodalModel, recipe: Recipe, started: Sequence[str]) -> list[str]:
    """Return the modalities whose encoders a recipe leaves as they are, of those that had trained weights."""
    return [name for name in model.encoders if name in started and recipe.tuning == Tuning.FROZEN]


def learn(
    loaded: Loaded,
    items: Sequence[Item],
    recipe: Recipe,
    *,
    rehearsed: Sequence[Item] = (),
    remembered: Sequence[Item] = (),
    aside: Sequence[Item] = (),
    started: Sequence[str] = (),
    seed: int = 0,
    cache: TokenCache | None = None,
) -> Loaded:
    """Teach a model the items in place, and return what it was; those `aside` may end it early, at the best weights.

    `started`: modalities whose encoders had trained weights. Encoders that rest are asked once about each sample.
    `rehearsed` and `remembered` keep the champion's answers. Of the latter a memory kept means of tokens, and beside
    them the items are learned from such means too: else a model could tell both apart, answer means as before and all
    others as it is taught, and what is held back of the memory would show nothing of it.
    """
    torch.manual_seed(seed)
    model, processor = loaded
    champion, rest = Loaded(copy.deepcopy(model).eval(), processor), resting(model, recipe, started)
    cache = cache or TokenCache()
    items, rehearsed, aside = (cache.encode(champion, part, rest) for part in (items, rehearsed, aside))
    means = {name for item in remembered for name in item.tokens}
    items, rehearsed = [memory.as_remembered(item, means) for item in items], [*rehearsed, *remembered]
    steps = max(recipe.steps, recipe.passes * -(-len(items) // recipe.batch))
    moving = _moving(model, recipe, started, rest, steps)
    anchors = {name: value.detach() for name, value in champion.model.named_parameters()}
    optimizer = torch.optim.AdamW(moving.values(), lr=recipe.lr, weight_decay=0.0)  # the pull takes decay's place
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    sampler = _Drawn(loaded, champion, recipe, whole=len(rest) == len(model.encoders))
    lessons = sampler.batches(items, rehearsed if recipe.rehearse else ())
    stopping = _EarlyStopping(Loaded(model, processor), moving, aside, recipe.patience if aside else 0)
    model.fusion.answer_alone = True
    _to_learn(model, recipe)
    # What stands behind encoders that rest is too small to share: threads would wait for one another.
    with encoded.one_thread() if sampler.whole else contextlib.nullcontext():
        for step in tqdm(range(1, steps + 1), "learning", unit="step", disable=not sys.stderr.isatty()):
            loss = sampler.loss(*next(lessons)) + recipe.pull / 2 * _distance(moving, anchors)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(moving.values(), recipe.max_grad_norm)
            optimizer.step()
            schedule.step()
            if step % max(1, steps // LOOKS) == 0:
                if stopping.ends():
                    break
                _to_learn(model, recipe)
    stopping.put_best()
    tuning.merge(model)
    model.fusion.answer_alone = False
    model.requires_grad_(True).eval()
    return champion


def _moving(
    model: MultimodalModel, recipe: Recipe, started: Sequence[str], rest: Sequence[str], steps: int
) -> dict[str, nn.Parameter]:
    """Ready the model, and return by name the parameters that learn; what is frozen needs no gradient either."""
    model.requires_grad_(True)
    if recipe.tuning != Tuning.FROZEN:
        tuning.start(model, recipe.tuning, tuning.Size(recipe.rank, steps), started)
    for name in rest:
        model.encoders[name].requires_grad_(False)
    return {name: value for name, value in model.named_parameters() if value.requires_grad}


def _to_learn(model: MultimodalModel, recipe: Recipe) -> None:
    model.train()
    for module in model.modules() if recipe.freeze_statistics else ():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


@dataclass(frozen=True)
class _Drawn:
    """What a step learns from, drawn: so many corrections, and as many rehearsed samples."""

    learner: Loaded
    champion: Loaded
    recipe: Recipe
    whole: bool  # all that comes to the fusion is known: so are the champion's answers

    def batches(
        self, items: Sequence[Item], rehearsed: Sequence[Item]
    ) -> Iterator[tuple[list[LabelledBatch], Tensor, int]]:
        """Yield, for ever, what a step takes, the champion's answers to it, and how many corrections it begins with.

        Samples of the same modalities are a batch: where captions stand among pictures, most of one would be padding.
        """
        size, masked = self.recipe.batch, feature_cache.masked(self.learner.model, self.recipe.augmentation.augment)
        collating = collate(self.learner.processor, masked)
        new, old = (Samples(part, self.recipe.augmentation) for part in (items, rehearsed))
        known = logits(self.champion, [*items, *rehearsed]) if self.whole else None
        orders = _order(len(new), size), _order(len(old), size if len(old) else 0)
        while True:
            rows = sorted(next(orders[0]), key=lambda row: items[row].modalities)
            others = sorted(next(orders[1]), key=lambda row: rehearsed[row].modalities)
            drawn = [*(new[row] for row in rows), *(old[row] for row in others)]
            batches = [collating(list(part)) for _, part in itertools.groupby(drawn, lambda item: item.modalities)]
            if known is None:
                answers = _answers(self.champion.model, batches)
            else:
                answers = torch.from_numpy(known[[*rows, *(len(new) + row for row in others)]])
            yield batches, answers, len(rows)

    def loss(self, batches: Sequence[LabelledBatch], answers: Tensor, new: int) -> Tensor:
        """Return the loss of `new` corrections, whose targets keep a share of the champion's answers, and of the rest.

        That is how far what is rehearsed is from the champion's answers.
        """
        model, recipe = self.learner.model, self.recipe
        objective, outputs = OBJECTIVES[model.config.kind], torch.cat([model(each.inputs).logits for each in batches])
        targets = torch.cat([each.targets for each in batches])[:new]
        if recipe.soften:
            targets = objective.softened(targets, answers[:new], recipe.soften)
        loss = model.head.loss(outputs[:new], targets)
        if new < len(outputs):
            loss = loss + recipe.rehearse * objective.disagreement(outputs[new:], answers[new:], recipe.temperature)
        return loss


class _EarlyStopping:
    """Keeps the weights with the least loss on what is set aside; ends after `patience` looks without a smaller one."""

    def __init__(
        self, loaded: Loaded, moving: Mapping[str, nn.Parameter], aside: Sequence[Item], patience: int
    ) -> None:
        self._loaded, self._moving, self._aside, self._patience = loaded, moving, aside, patience
        self._best: dict[str, Tensor] = {}
        self._least, self._waited = math.inf, 0

    def ends(self) -> bool:
        """Look at what is set aside, and return whether that ends the training."""
        if not self._patience:
            return False
        model = self._loaded.model
        outputs, targets = logits(self._loaded, self._aside), targets_of(self._aside)
        loss = OBJECTIVES[model.config.kind].loss(outputs, targets)
        if loss < self._least:
            self._best = {name: value.detach().clone() for name, value in self._moving.items()}
            self._least, self._waited = loss, 0
        else:
            self._waited += 1
        return self._waited >= self._patience

    def put_best(self) -> None:
        """Give the model the weights that are kept."""
        with torch.no_grad():
            for name, value in self._best.items():
                self._moving[name].copy_(value)


def _order(count: int, size: int) -> Iterator[list[int]]:
    """Yield, for ever, `size` of so many places: one shuffle behind another."""
    places: list[int] = []
    while True:
        while len(places) < size:
            places += torch.randperm(count).tolist()
        yield places[:size]
        places = places[size:]


@torch.no_grad()
def _answers(champion: MultimodalModel, batches: Sequence[LabelledBatch]) -> Tensor:
    return torch.cat([champion(each.inputs).logits for each in batches])


def _distance(moving: Mapping[str, Tensor], anchors: Mapping[str, Tensor]) -> Tensor:
    """Return the squared distance from where the weights were, of those that were there."""
    parts = [(value - anchors[name]).square().sum() for name, value in moving.items() if name in anchors]
    return torch.stack(parts).sum()
