"""Benchmarks on cached tokens train and judge as nights do, and go on where they ended."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotations.nightly import gate
from benchmarks import cached_nights, poison
from benchmarks.cached_nights import CachedHome, KeptSample, Pieces
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.training.data.datasets import Item
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Inputs, Sample
from tests import tiny

TEXTS = [f"{first} {second}" for first in tiny.WORDS for second in tiny.WORDS]


@pytest.fixture
def task(tmp_path: Path):
    quick = {"steps": 200, "lr": 3e-3, "passes": 0, "pull": 0.0, "soften": 0.0}
    return replace(tiny.task(tmp_path, ("text",)), examples=(), retrain=quick)


@pytest.fixture
def base(task, tmp_path: Path) -> Loaded:
    return MultimodalModel.load(tiny.version(tmp_path / "v1", task))


@pytest.fixture
def items(task, base: Loaded) -> list[Item]:
    """Captions whose label is that of their first word."""
    places = [tiny.WORDS.index(text.split()[0]) % len(task.answers) for text in TEXTS]
    labelled = [Item(Inputs(text=text), place) for text, place in zip(TEXTS, places, strict=True)]
    order = np.random.default_rng(0).permutation(len(labelled) * 4)
    return TokenCache().encode(base, [(labelled * 4)[place] for place in order])


@pytest.mark.slow
def test_right_corrections_are_served_and_what_a_base_remembers_keeps_poison_out(task, base, items) -> None:
    half = len(items) // 2
    held_out = items[half:]
    right, learner = CachedHome(task, base).night(base, items[:half], held_out)
    assert right.name == gate.PROMOTED and learner is not None
    assert cached_nights.right(learner, held_out).mean() > cached_nights.right(base, held_out).mean()

    known = [KeptSample(Row(str(n), Sample(), ""), item) for n, item in enumerate(items * 3)]
    poisoned, narrow = poison.KINDS["all one class"](items, np.random.default_rng(0), len(task.answers))
    site = CachedHome(task, learner, known)
    assert len(site.guard) > 50
    verdict, _ = site.night(learner, poisoned[:half], poisoned[half:], narrow=narrow)
    assert verdict.name != gate.PROMOTED
    without = CachedHome(task, learner)
    assert without.night(learner, poisoned[:half], poisoned[half:], narrow=narrow)[0].name == gate.WAITING
    assert without.night(learner, poisoned[:half], poisoned[half:])[0].name == gate.PROMOTED  # as if of many


def test_few_corrections_wait(task, base, items) -> None:
    assert CachedHome(task, base).night(base, items[:3], items[3:5])[0].name == gate.WAITING


@pytest.mark.parametrize(("kind", "share"), [("right", 0.0), ("50 % wrong", 0.5), ("one hostile of three", 1 / 3)])
def test_poison_is_as_strong_as_it_says(items, task, kind: str, share: float) -> None:
    poisoned, _ = poison.KINDS[kind](items * 10, np.random.default_rng(0), len(task.answers))
    wrong = [item.target != before.target for item, before in zip(poisoned, items * 10, strict=True)]
    assert np.mean(wrong) == pytest.approx(share, abs=0.05)


def test_a_piece_goes_on_where_the_one_before_ended(tmp_path: Path) -> None:
    first = Pieces(tmp_path / "kept" / "runs.jsonl", seconds=100)
    for key in first.todo(["a", "b"]):
        first.put(key, value=1)
    again = Pieces(tmp_path / "kept" / "runs.jsonl", seconds=100)
    assert list(again.todo(["a", "b", "c"])) == ["c"] and again.results["b"]["value"] == 1
    assert list(Pieces(tmp_path / "other.jsonl", seconds=0).todo(["a"])) == []


def test_what_is_significant_together_is_counted_as_by_holm() -> None:
    assert cached_nights.refused_by_holm([0.01, 0.04, 0.03]) == 1
    assert cached_nights.refused_by_holm([0.001, 0.02, 0.9]) == 2
    before, after = np.array([True] * 8 + [False] * 2), np.array([False] * 6 + [True] * 4)
    assert cached_nights.worse(before, after) == pytest.approx(37 / 256)
    assert cached_nights.worse(before, before) == 1.0
