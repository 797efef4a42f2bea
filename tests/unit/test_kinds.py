"""A kind of answer that ships with nothing joins by one call, and goes once around the loop."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotations.loop import Loop
from annotations.nightly import gate
from annotations.retrain import retrain
from mmdemo import Sample, tasks
from mmdemo.answers import CLASSIFICATION
from mmdemo.decode import decode
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.data import Manifests
from mmdemo.training.run import train
from mmdemo.ui.callers.access import Door
from mmdemo.ui.review import lessons
from mmdemo.ui.review.controller import Reviewing
from mmdemo.versions.registry import Versions
from tests import number_kind, source_tree, tiny_training
from tests.kinds import BY_KIND

HERE: Any = SimpleNamespace(headers={"host": "127.0.0.1:7860"})
SIDE_PX, WIDE_PX = 32, 16
SENT = 160
TASK = f"""
name = "heights"
title = "Height of the bar"
kind = "number"
modalities = ["image"]
threshold = 0.9
audit_share = 0.5
answer = {{ tolerance = 2.0 }}
gate = {{ minimum = 4, held_out_share = 0.3 }}
{tiny_training.MODEL}[training]
epochs = 8
batch = 16
head_lr = 3e-3
augment = false
precision = "fp32"
"""


@pytest.fixture
def heights(tmp_path: Path) -> Iterator[Task]:
    """The task, of a kind that is there for one test."""
    with number_kind.registered():
        path = tmp_path / "tasks" / "heights.toml"
        path.parent.mkdir()
        path.write_text(TASK, "utf-8")
        yield tasks.load_file(path)


def test_every_dict_by_kind_has_a_row_for_every_kind(heights: Task) -> None:
    for name, rows in BY_KIND.items():
        assert set(rows) == {CLASSIFICATION, heights.kind}, name


def test_every_dict_by_kind_is_known() -> None:
    written = {
        f"{module}.{node.target.id}"
        for module, text in source_tree.modules("mmdemo", "annotations").items()
        for node in ast.walk(source_tree.parse(text))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(node.value, ast.Dict)
        if any(isinstance(key, ast.Name) and key.id == "CLASSIFICATION" for key in node.value.keys)
    }
    assert written == set(BY_KIND)


def test_nobody_asks_for_the_kind_by_name() -> None:
    asking = [
        f"{module}:{node.lineno}"
        for module, text in source_tree.modules("mmdemo", "annotations").items()
        for node in ast.walk(source_tree.parse(text))
        if isinstance(node, ast.Compare)
        and "CLASSIFICATION" in ast.unparse(node).replace("'classification'", "CLASSIFICATION")
    ]
    assert asking == [], "what differs stands in the row of the kind"


def bar(height: int, draw: np.random.Generator, ink: int = 230) -> Image.Image:
    """Return a picture of a bar that stands on the ground; the fainter its ink, the harder it is to see."""
    picture = draw.integers(0, 40, (SIDE_PX, SIDE_PX, 3), np.uint8)
    left = int(draw.integers(0, SIDE_PX - WIDE_PX))  # elsewhere each time: near copies would be learned once
    picture[SIDE_PX - height :, left : left + WIDE_PX] = ink
    return Image.fromarray(picture)


def write(folder: Path, number: int, seed: int) -> Path:
    """Write bars and a manifest of their heights, which it returns."""
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    lines = []
    for index in range(number):
        height = int(draw.integers(2, 30))
        bar(height, draw).save(folder / f"{index}.png")
        lines.append({"id": str(index), "image": f"{index}.png", "label": height})
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return manifest


@pytest.mark.slow
def test_a_number_goes_once_around_the_loop(heights: Task, tmp_path: Path) -> None:
    config = Settings(home=tmp_path / "home", task_dir=tmp_path / "tasks")
    versions, first = Versions(config), "2026-01-01-base"
    data = Manifests(write(tmp_path / "train", 96, 1), write(tmp_path / "dev", 24, 2))
    train(tiny_training.job(heights, seed=0), data, versions.folder(heights.name, first))
    versions.promote(heights.name, first)

    draw = np.random.default_rng(3)
    with closing(Loop(config)) as loop:
        sent = {}  # sample → its height: faint bars, of which the first model has seen none
        for _ in range(SENT):
            height = int(draw.integers(2, 30))
            inputs = decode(Sample(image=bar(height, draw, ink=90)), heights)
            prediction, _ = loop.predict(heights.name, inputs, "default", keep=True)
            assert prediction.flagged == (prediction.confidence < heights.threshold)
            assert prediction.explanation is not None and prediction.explanation.image is not None
            sent[prediction.sample_id] = height
        waiting = [item.sample_id for item in loop.queue(heights.name, SENT)]
        assert len(waiting) > SENT / 2

        desk = Reviewing(loop, Door.of(config))
        for sample_id in waiting:
            ask = {"annotator": "Ann", "session": "a" * 32, "sample_id": sample_id}
            refused = desk.act(HERE, {**ask, "do": "label", "label": "tall"})
            assert refused["refused"] and "a number" in refused["line"]
            shown = desk.act(HERE, {**ask, "do": "label", "label": f" {sent[sample_id]}.0 "})
            assert not shown["refused"], shown["line"]

        lesson = loop.lesson(heights.name, "Ann")
        held_out = lesson.parts[0]
        assert lesson.sample_ids and held_out.after - held_out.before == held_out.right - held_out.wrong > 0
        row, *_ = lessons.view(lesson, heights, "en").parts
        assert row.better == 1 and all(card.image for cards in row.groups.values() for card in cards)

        run = retrain(config, heights)
        assert run.verdict == gate.PROMOTED, run.reasons
        assert run.figures["challenger_accuracy"] > run.figures["champion_accuracy"]
        after, _ = loop.predict(heights.name, decode(Sample(image=bar(20, draw, ink=90)), heights), "none", keep=False)
        assert after.model_version == run.challenger
