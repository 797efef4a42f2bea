"""A base remembers tokens in one small file; what is rehearsed, calibrates and guards comes from it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdemo.errors import CheckpointError
from mmdemo.model import Loaded, MultimodalModel, encoded
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Task
from mmdemo.training import continual
from mmdemo.training.continual import Corrections, Recipe, memory
from mmdemo.training.continual.memory import Remembered, Role
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Sample
from mmdemo.versions import sidecar
from tests import tiny

CAPTIONS = [" ".join(words) for words in zip(tiny.WORDS * 3, tiny.WORDS[1:] * 3, tiny.WORDS[2:] * 3, strict=False)]
SHORT = Recipe(steps=3, passes=0)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return tiny.task(tmp_path, ("text",))


@pytest.fixture
def base(tmp_path: Path, task: Task) -> Path:
    return tiny.version(tmp_path / "v1", task)


def remember(base: Path, task: Task, count: int = 30, **changes: object) -> list[Remembered]:
    """Write a memory of captions, a third for each role, with the labels that the base gives."""
    loaded = MultimodalModel.load(base)
    captions = (CAPTIONS * 3)[:count]
    tokens = encoded.tokens_of(loaded, [tiny.inputs(0, ("text",)).__class__(text=caption) for caption in captions])
    values = Predictor(task, base).values_of(tokens)
    samples = [
        Remembered(each, value, Role(number % 3))
        for number, (each, value) in enumerate(zip(tokens, values, strict=True))
    ]
    memory.write(base, loaded, samples, **changes)
    return samples


def test_tokens_come_back_nearly_as_they_were_as_many_as_there_were(base: Path, task: Task) -> None:
    samples = remember(base, task)
    kept = memory.load(base)
    assert kept is not None and kept.fits(MultimodalModel.load(base))
    assert [(one.label, one.role) for one in kept.samples] == [(one.label, one.role) for one in samples]
    for one, before in zip(kept.samples, samples, strict=True):
        expected = memory.expand(memory.pool(before.tokens["text"], memory.TOKENS["text"]), len(before.tokens["text"]))
        assert one.tokens["text"].shape == before.tokens["text"].shape
        assert float((one.tokens["text"].float() - expected).abs().max()) <= float(expected.abs().max()) / 100


def test_each_mean_stands_where_the_tokens_stood(base: Path) -> None:
    tokens = torch.arange(7.0)[:, None]
    pooled = memory.pool(tokens, 3)
    assert pooled[:, 0].tolist() == [1.0, 3.5, 5.5]
    assert memory.expand(pooled, 7)[:, 0].tolist() == [1, 1, 1, 3.5, 3.5, 5.5, 5.5]
    assert torch.equal(memory.expand(memory.pool(tokens, 9), 7), tokens)


def test_as_many_samples_are_kept_as_there_is_room_for(base: Path, task: Task) -> None:
    remember(base, task, most_bytes=8_000)
    kept = memory.load(base)
    assert kept is not None and 0 < len(kept.samples) < 30
    assert (base / memory.FILE).stat().st_size <= 8_000


def test_a_damaged_memory_is_refused_and_none_is_none(base: Path, task: Task) -> None:
    assert memory.load(base) is None
    remember(base, task)
    (base / memory.FILE).write_bytes((base / memory.FILE).read_bytes()[:-40])
    with pytest.raises(CheckpointError):
        memory.load(base)


def rows(name: str, count: int = 300) -> list[Row]:
    return [Row(f"{name} {number}", Sample(text="a"), "good") for number in range(count)]


def test_what_was_learned_is_rehearsed_and_what_trained_nothing_guards_and_calibrates() -> None:
    roles = memory.roles_of(rows("learned"), rows("unseen"))
    of = {side: [role for row, role in roles if row.id.startswith(side)] for side in ("learned", "unseen")}
    assert set(of["learned"]) == {Role.REHEARSED} and set(of["unseen"]) == {Role.CALIBRATION, Role.GUARD}
    assert of["unseen"].count(Role.CALIBRATION) == pytest.approx(300 * memory.CALIBRATING, abs=30)
    assert {role for _, role in memory.roles_of(rows("learned"), rows("unseen"), 0.0)} == {Role.REHEARSED, Role.GUARD}


def test_where_there_is_little_room_half_of_it_is_for_what_trained_nothing() -> None:
    roles = memory.roles_of(rows("learned"), rows("unseen", 20))
    assert sum(row.id.startswith("unseen") for row, _ in roles[:40]) == 20
    assert roles == memory.roles_of(rows("learned")[::-1], rows("unseen", 20)[::-1])  # whatever order they came in


def test_of_what_the_base_learned_a_part_guards_where_nothing_else_can_and_none_calibrates() -> None:
    roles = [role for _, role in memory.roles_of(rows("learned"))]
    assert set(roles) == {Role.REHEARSED, Role.GUARD}
    assert roles.count(Role.GUARD) == pytest.approx(150, abs=30)


@pytest.mark.slow
def test_what_is_remembered_keeps_its_answers_and_temperatures_are_fitted_anew(base: Path, task: Task) -> None:
    rows = [Row(str(n), Sample(text=text), "bad") for n, text in enumerate(CAPTIONS[:8])]
    pulls = replace(SHORT, steps=40, pull=0.0, soften=0.0)

    def moved(out: Path) -> float:
        before, after = (MultimodalModel.load(folder) for folder in (base, out))
        items = [one.item(task) for one in samples if one.role == Role.REHEARSED]
        return float(np.abs(continual.learning.logits(after, items) - continual.learning.logits(before, items)).mean())

    folders = []
    for number in range(2):
        samples = remember(base, task, 90) if number else []
        folders.append(continual.update(base, Corrections(rows), base.parent / f"n{number}", task=task, recipe=pulls))
    assert moved(folders[1]) < moved(folders[0]) / 2
    scalings = [sidecar.read(folder).temperatures for folder in (base, *folders)]
    assert scalings[1] == scalings[0] != scalings[2]


@pytest.mark.slow
def test_a_memory_of_other_encoders_is_not_used(base: Path, task: Task) -> None:
    rows = [Row("1", Sample(text="the dog"), "bad")]
    without = continual.update(base, Corrections(rows), base.parent / "n0", task=task, recipe=SHORT)
    loaded = MultimodalModel.load(base)
    remember(base, task)
    with torch.no_grad():
        next(loaded.model.encoders["text"].parameters()).add_(1.0)
    memory.write(base, Loaded(loaded.model, loaded.processor), memory.load(base).samples)
    other = continual.update(base, Corrections(rows), base.parent / "n1", task=task, recipe=SHORT)
    assert (without / "model.safetensors").read_bytes() == (other / "model.safetensors").read_bytes()
