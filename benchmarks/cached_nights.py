"""Nights on cached tokens: the real training and the real gate, without store, files and clock.

All that is sent is asked about; a part of it is set aside by the draw of the home, and the labels that judge come from
the same hands as those that are learned. Nothing is curated before: that would only help.
"""

import argparse
import copy
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from annotations.acquisition.strata import FLAGGED
from annotations.nightly import gate, guards, looks, version_comparison
from annotations.nightly.evidence import Stratum
from annotations.nightly.gate import ComparedFigure, Comparison, Narrow, Verdict
from annotations.nightly.looks import Look
from annotations.nightly.version_comparison import RememberedAnswer
from mmdemo import tasks
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.process.logs import say
from mmdemo.tasks import Task
from mmdemo.training import continual, manifests
from mmdemo.training.continual import memory
from mmdemo.training.continual.memory import Role
from mmdemo.training.data.datasets import Item, decode_rows
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.manifests import Row, corpus
from mmdemo.versions.registry import SHIPPED

AT_ONCE = 64  # samples that are decoded together
HELD_OUT, MINIMUM = 0.3, 20
LEVEL = 0.05
BEGIN = datetime(2026, 1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class KeptSample:
    """A labelled sample and its tokens."""

    row: Row
    item: Item


class Pieces:
    """Results in a file, a line each: a run that ended goes on behind the last one."""

    def __init__(self, path: Path, seconds: float) -> None:
        self._path, self._until = path, time.monotonic() + seconds
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        self.results: dict[str, dict[str, Any]] = {each["key"]: each for each in map(json.loads, lines)}

    def todo(self, keys: Sequence[str]) -> Iterator[str]:
        """Yield the keys without a result, as long as there is time."""
        for key in keys:
            if key not in self.results:
                if time.monotonic() > self._until:
                    say(f"{sum(each not in self.results for each in keys)} are left: start it again")
                    return
                yield key

    def put(self, key: str, **values: Any) -> None:
        """Write one down."""
        self.results[key] = {"key": key, **values}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.results[key]) + "\n")


def parser(about: str | None) -> argparse.ArgumentParser:
    """Return what the command lines of these benchmarks share."""
    torch.set_num_threads(1)  # what stands behind the encoders is too small for more
    command_line = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    command_line.add_argument("data", type=Path, help="the folder with a folder of manifests a task")
    command_line.add_argument("--kept", type=Path, required=True, help="folder for tokens and results")
    command_line.add_argument("--seconds", type=float, default=500.0, help="after which it stops; it goes on next time")
    return command_line


def encoded(task: Task, loaded: Loaded, manifest: Path, kept: Path, most: int | None = None) -> list[KeptSample]:
    """Return the samples of a manifest with their tokens, which are kept; `most`: so many, drawn at random."""
    rows = manifests.read(manifest, task)
    rows = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))[:most]] if most else rows
    whole = kept / f"{task.name}-{manifest.stem}-{len(rows)}.pt"
    if whole.is_file():
        return torch.load(whole, weights_only=False)
    cache, samples = TokenCache(kept / task.name), list[KeptSample]()
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        ids = [f"{manifest.stem}-{row.id}".replace("/", "_") for row in some]
        items = cache.encode(loaded, decode_rows(some, task, loaded.processor), ids=ids)
        samples += [KeptSample(row, item) for row, item in zip(some, items, strict=True)]
    torch.save(samples, whole)  # the next piece of the runs decodes nothing
    return samples


class CachedHome:
    """A task at work: its base, what it rehearses, and what it remembers."""

    def __init__(self, task: Task, base: Loaded, remembered: Sequence[KeptSample] = ()) -> None:
        self.task, self.base = task, base
        self._recipe, self._started = continual.recipe_of(task), continual.started(task)
        examples = [*manifests.examples(task), *corpus.rehearsal(task)]
        items = TokenCache().encode(base, decode_rows(examples, task, base.processor))
        pooled = {each.row.id: memory.as_remembered(each.item) for each in remembered}
        roles = memory.roles_of([each.row for each in remembered])
        self.rehearsed = items
        self.remembered = [pooled[row.id] for row, role in roles if role == Role.REHEARSED]
        self.guard = [pooled[row.id] for row, role in roles if role == Role.GUARD]

    def challenger(self, items: Sequence[Item], seed: int = 0) -> Loaded:
        """Return the base after a night."""
        model = Loaded(copy.deepcopy(self.base.model), self.base.processor)
        continual.learn(
            model,
            items,
            self._recipe,
            rehearsed=self.rehearsed,
            remembered=self.remembered,
            started=self._started,
            seed=seed,
        )
        return model

    def night(
        self,
        champion: Loaded,
        train: Sequence[Item],
        held_out: Sequence[Item],
        past: Sequence[Look] = (),
        at: datetime = BEGIN,
        **how: Any,
    ) -> tuple[Verdict, Loaded | None]:
        """Return the verdict about a challenger that learned `train`, and the challenger."""
        waiting = gate.wait(len(train), len(held_out), MINIMUM, HELD_OUT)
        if waiting:
            return waiting, None
        challenger = self.challenger(train, how.pop("seed", 0))
        compared = self._compared(champion, challenger, held_out, **how)
        return gate.judge(compared, looks.allowance(past, at)), challenger

    def _compared(self, champion: Loaded, challenger: Loaded, held_out: Sequence[Item], narrow: str = "") -> Comparison:
        scores = np.stack([right(model, held_out) for model in (champion, challenger)], axis=1).astype(float)
        on_memory = self._on_memory(champion), self._on_memory(challenger)
        shown, classes = version_comparison.memory_scores(*on_memory), targets_of(held_out)
        breakable = shown
        if narrow == gate.ONE_CLASS:
            learned = {frozenset(item.modalities) for item in held_out}  # from the same draw as what was learned
            breakable = version_comparison.scores_of_others(*on_memory, str(classes[0]), learned)
        return Comparison(
            held_out=len(held_out),
            figures=(ComparedFigure(gate.ACCURACY, *scores.mean(axis=0)),),
            strata=(Stratum(FLAGGED, 1 / HELD_OUT, *scores.T),),
            tallies=(
                gate.tally(gate.ALL, "", *scores.T),
                *(gate.tally(gate.CLASS, str(each), *scores[classes == each].T) for each in np.unique(classes)),
            ),
            memory=shown,
            narrow=Narrow(narrow, breakable) if narrow else None,
        )

    def _on_memory(self, model: Loaded) -> list[RememberedAnswer]:
        are_right = right(model, self.guard) if self.guard else ()
        return [
            RememberedAnswer(str(item.target), frozenset(item.modalities), bool(is_right))
            for item, is_right in zip(self.guard, are_right, strict=True)
        ]


def right(model: Loaded, items: Sequence[Item]) -> np.ndarray:
    """Return (n,) bool: which of the items are answered as they are labelled."""
    return logits(model, items).argmax(axis=1) == targets_of(items)


def worse(before: np.ndarray, after: np.ndarray) -> float:
    """Return the chance that a version that is no worse loses as many of these samples, or more: exact sign test."""
    return guards.sign_test(int((before & ~after).sum()), int((after & ~before).sum()))[0]


def refused_by_holm(p_values: Sequence[float], level: float = LEVEL) -> int:
    """Return how many of all tests are significant together."""
    count = 0
    for place, p_value in enumerate(sorted(p_values)):
        if p_value > level / (len(p_values) - place):
            break
        count += 1
    return count


def base_of(name: str) -> tuple[Task, Loaded]:
    """Return a shipped task and its base, ready to answer what the task asks."""
    task = tasks.get(name)
    loaded = MultimodalModel.load(SHIPPED / name)
    loaded.model.learn_to_answer(task.answers)
    return task, loaded


def seeded(seed: int) -> np.random.Generator:
    """Return a generator, and let torch follow the same seed."""
    torch.manual_seed(seed)
    return np.random.default_rng(seed)
