"""Training with contrast teaches which caption belongs to which picture; labels alone do not."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdemo.evaluation import retrieval
from mmdemo.model import MultimodalModel
from mmdemo.tasks import Task, load_file
from mmdemo.training.data.datasets import Item
from mmdemo.training.fitting.inference import outputs
from mmdemo.training.fitting.trainer import Plan, fit
from mmdemo.training.options import options
from mmdemo.values.samples import Inputs

COLOURS = {"red": (230, 30, 30), "green": (30, 230, 30), "blue": (30, 30, 230), "white": (240, 240, 240)}
PAIRS = list(product(COLOURS, COLOURS))  # above, below: what the caption says and the picture shows
TASK = """
name = "flags"
title = "Flags"
modalities = ["image", "text"]
labels = ["other", "red"]
threshold = 0.6
[encoders.image]
type = "small_cnn"
size = 16
[encoders.text]
type = "textcnn"
[fusion]
layers = 1
dim = 32
heads = 2
[training]
epochs = 8
batch = 16
head_lr = 5e-3
augment = false
precision = "fp32"
"""


def flags(number: int, seed: int) -> list[Item]:
    """Return flags of two stripes with their captions; is the upper one red?"""
    draw = np.random.default_rng(seed)
    items = []
    for index in range(number):
        above, below = PAIRS[index % len(PAIRS)]
        picture = np.array([[COLOURS[above]] * 16] * 8 + [[COLOURS[below]] * 16] * 8)
        noisy = np.clip(picture + draw.normal(0, 20, picture.shape), 0, 255).astype(np.uint8)
        items.append(Item(Inputs(image=noisy, text=f"{above} over {below}"), int(above == "red")))
    return items


def recalls(task: Task, **chosen: object) -> list[float]:
    """Return recall at 3, both ways, of flags that a model trained so has not seen."""
    seen_pairs, unseen = flags(48, 0), flags(len(PAIRS), 1)
    torch.manual_seed(0)
    loaded = MultimodalModel.build(task, captions=[str(item.inputs.text) for item in seen_pairs])
    fit(loaded, seen_pairs, Plan(options(task, **chosen)))
    [(rows, output)] = outputs(loaded, unseen)
    names = ["-".join(PAIRS[row]) for row in rows]
    with torch.inference_mode():
        alike = loaded.model.alike(output.tokens)
    image, text = (alike[name].numpy() for name in ("image", "text"))
    return [retrieval.recall(scores, names, k=3).recall_at_10 for scores in (image @ text.T, text @ image.T)]


@pytest.mark.slow
def test_contrast_raises_recall_both_ways(tmp_path: Path) -> None:
    (tmp_path / "flags.toml").write_text(TASK, "utf-8")
    task = load_file(tmp_path / "flags.toml")
    plain, contrasted = recalls(task), recalls(task, contrast=0.5)
    assert min(contrasted) > max(plain) + 0.2
    assert min(contrasted) > 0.7
