"""An encoder by rule, so that it is known what is alike: a picture is its mean colour, a caption those it names."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmdemo import decode
from mmdemo.errors import BadInput
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.values.analysis import Alike
from mmdemo.values.samples import Features, Inputs, Sample
from tests import tiny

COLOURS = {"red": (250, 10, 10), "green": (10, 250, 10), "blue": (10, 10, 250), "purple": (250, 10, 250)}


class RuledEncoder:
    """Knows colours and nothing else; what is said to be mute is refused."""

    def __init__(self, task: Task, version: str = "v1") -> None:
        self.task = task
        self.version = version
        self.batches: list[int] = []  # how many samples each pass took

    def check(self, inputs: Inputs) -> None:
        """Refuse a caption that says so."""
        if inputs.text == "mute":
            raise BadInput("no_speech")

    def features(self, batch: Sequence[Inputs]) -> Features:
        """Return mean colours and named ones."""
        self.batches.append(len(batch))
        return Features(self.version, tuple(map(self._one, batch)))

    def _one(self, inputs: Inputs) -> dict[str, np.ndarray]:
        tokens: dict[str, Any] = {}
        if inputs.image is not None:
            tokens["image"] = inputs.image.mean(axis=(0, 1))
        if inputs.text is not None:
            tokens["text"] = sum(np.array(COLOURS.get(word, (1, 1, 1)), float) for word in inputs.text.split())
        return {name: (value / np.linalg.norm(value)).astype(np.float32) for name, value in tokens.items()}


def task(folder: Path) -> Task:
    """Return a task of pictures and captions."""
    return tiny.task(folder, ("image", "text"))


def picture(colour: str) -> Image.Image:
    """Return a picture of one colour."""
    return Image.new("RGB", (32, 24), COLOURS[colour])


def row(name: str, colour: str = "", text: str = "", label: str = "good") -> Row:
    """Return a row with a picture of a colour, a caption, or both."""
    return Row(name, Sample(image=picture(colour) if colour else None, text=text), label)


def inputs_of(sample: Sample, of: Task) -> Inputs:
    """Return a sample decoded."""
    return decode.decode(sample, of)


def names_of(alike: Alike) -> list[str]:
    """Return the ids, nearest first."""
    return [near.id for near in alike.nearest]
