"""A kind of answer that ships with nothing joins by one call, and goes once around the loop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdemo import Predictor, Sample, tasks
from mmdemo.tasks import Task
from mmdemo.training.data import Manifests
from mmdemo.training.run import train
from tests import number_kind, tiny_training

SIDE_PX = 32
TASK = """
name = "heights"
title = "Height of the bar"
kind = "number"
modalities = ["image"]
threshold = 0.6
answer = { tolerance = 2.0 }
gate = { minimum = 4, held_out_share = 0.3 }
[encoders.image]
type = "small_cnn"
size = 32
[fusion]
layers = 1
dim = 32
heads = 2
[training]
epochs = 12
batch = 16
head_lr = 3e-3
augment = false
precision = "fp32"
"""


@pytest.fixture
def heights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Task:
    """The task, of a kind that is there for one test."""
    number_kind.register(monkeypatch.setitem)
    path = tmp_path / "tasks" / "heights.toml"
    path.parent.mkdir()
    path.write_text(TASK, "utf-8")
    return tasks.load_file(path)


def bar(height: int, draw: np.random.Generator) -> Image.Image:
    picture = draw.integers(0, 60, (SIDE_PX, SIDE_PX, 3), np.uint8)
    picture[SIDE_PX - height :, 8:24] = 230
    return Image.fromarray(picture)


def write(folder: Path, number: int, seed: int) -> Path:
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    lines = []
    for index in range(number):
        height = int(draw.integers(2, 30))
        bar(height, draw).save(folder / f"{index}.png")
        lines.append({"id": f"{index}", "image": f"{index}.png", "label": height})
    manifest = folder / "manifest.jsonl"
    manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return manifest


def test_a_number_is_learned_and_answered(heights: Task, tmp_path: Path) -> None:
    data = Manifests(write(tmp_path / "train", 160, 1), write(tmp_path / "dev", 40, 2))
    version = train(tiny_training.job(heights, seed=0), data, tmp_path / "v1")
    about = json.loads((version / "version.json").read_text())
    print(about["figures"])
    predictor = Predictor(heights, version)
    prediction = predictor.predict(Sample(image=bar(20, np.random.default_rng(9))), explain="default")
    print(prediction)
