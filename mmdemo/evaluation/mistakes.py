"""The worst errors: wrong answers that the model was surest of, with their samples small enough to stand in a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdemo.decode import SAMPLE_RATE_HZ, data_url, decode, encode_audio, picture_url, shrunk
from mmdemo.evaluation.answers import Answered
from mmdemo.samples import Inputs
from mmdemo.tasks import Task

SHOWN = 12
LONG_SIDE_PX = 320
SOUND_BYTES = 400_000  # a longer recording is not embedded


@dataclass(frozen=True)
class Mistake:
    """One wrong answer and what it was given."""

    id: str
    group: str
    label: str  # what is right
    answer: str
    confidence: float
    label_probability: float  # that the model gave to what is right
    image: str = ""  # a data URL, "" for none
    text: str = ""
    audio: str = ""  # a data URL, "" for none
    seconds: float = 0.0  # of the sound, embedded or not


def worst(answers: Sequence[Answered], task: Task) -> tuple[Mistake, ...]:
    """Return the wrong answers of the highest confidence, surest first."""
    wrong = [answered for answered in answers if answered.prediction.label != answered.row.label]
    wrong.sort(key=lambda answered: (-answered.prediction.confidence, answered.row.id))
    return tuple(_mistake(answered, decode(answered.row.sample, task)) for answered in wrong[:SHOWN])


def _mistake(answered: Answered, inputs: Inputs) -> Mistake:
    row, prediction = answered.row, answered.prediction
    return Mistake(
        id=row.id,
        group=row.group,
        label=row.label,
        answer=prediction.label,
        confidence=prediction.confidence,
        label_probability=prediction.labelled.shares.get(row.label, 0.0),
        image="" if inputs.image is None else picture_url(shrunk(inputs.image, LONG_SIDE_PX), "WEBP"),
        text=inputs.text or "",
        audio="" if inputs.audio is None else _sound(inputs.audio),
        seconds=0.0 if inputs.audio is None else len(inputs.audio) / SAMPLE_RATE_HZ,
    )


def _sound(audio: np.ndarray) -> str:
    content = encode_audio(audio)
    return data_url("audio/flac", content) if len(content) <= SOUND_BYTES else ""
