"""A task that a test learns in a second or two: is the picture's light patch on the left or on the right?"""

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from mmdemo import tasks
from mmdemo.model import MultimodalModel
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.jobs import Origin, TrainingJob
from mmdemo.training.options import options
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar

LABELS = ("left", "right")
FIRST = "2026-01-01-n001"  # the champion of `home`
SIDE_PX = 32
MODEL = """
[encoders.image]
type = "small_cnn"
size = 32
[fusion]
layers = 1
dim = 32
heads = 2
"""
TASK = f"""
name = "sides"
title = "Sides"
modalities = ["image"]
labels = ["left", "right"]
threshold = 0.6
audit_share = 0.5  # so few sure answers go unseen that a few dozen corrections show a gain
{MODEL}[training]
epochs = 4
batch = 16
head_lr = 3e-3
augment = false  # a flipped picture would be of the other side
hold_out = 0.25
precision = "fp32"
"""


def write(folder: Path, number: int, seed: int = 0, name: str = "train") -> Path:
    """Write `number` pictures and their manifest into `folder`; return the manifest."""
    draw = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for index in range(number):
        label = LABELS[index % 2]
        picture = draw.integers(0, 120, (SIDE_PX, SIDE_PX, 3), np.uint8)
        column = draw.integers(0, 8) + (0 if label == "left" else 16)
        row = draw.integers(0, 24)
        picture[row : row + 8, column : column + 8] = 250
        Image.fromarray(picture).save(folder / f"{name}-{index}.png")
        source = "even" if index % 4 < 2 else "odd"
        lines.append({"id": f"{name}-{index}", "image": f"{name}-{index}.png", "label": label, "group": source})
    path = folder / f"{name}.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return path


def write_task(folder: Path) -> Path:
    """Write the task's TOML and return its path."""
    path = folder / "sides.toml"
    path.write_text(TASK, "utf-8")
    return path


def job(task: Task | str, origin: Origin | None = None, **chosen: object) -> TrainingJob:
    """Return the job of training a task with some options."""
    task = tasks.get(task) if isinstance(task, str) else task
    return TrainingJob.of(task, options(task, **chosen), origin)


def drawn(folder: Path) -> list[tuple[np.ndarray, str]]:
    """Return pictures (32, 32, 3) uint8 and what they are."""
    lines = write(folder, 120).read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return [(np.asarray(Image.open(folder / row["image"])), row["label"]) for row in rows]


def untrained(config: Settings, task: Task, version: str, seed: int) -> None:
    """Put a version there that has learned nothing yet."""
    path = Versions(config).folder(task.name, version)
    torch.manual_seed(seed)
    model, processor = MultimodalModel.build(task)
    model.save_pretrained(path)
    processor.save_pretrained(path)
    created_at = f"{version[:10]}T00:00:00+00:00"
    sidecar.write(
        path, Sidecar(version, task.name, task.kind, task.label_names, task.modalities, created_at=created_at)
    )


def home(folder: Path, task: Task) -> Settings:
    """Return a home whose champion is a model that has learned nothing yet."""
    config = Settings(home=folder / "home")
    untrained(config, task, FIRST, 0)
    Versions(config).promote(task.name, FIRST)
    return config
