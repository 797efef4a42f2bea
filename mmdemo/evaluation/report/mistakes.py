"""The worst errors: wrong answers that the model was surest of, with their samples small enough to stand in a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdemo.decode import SAMPLE_RATE_HZ, data_url, decode, encode_audio, picture_url, shrunk
from mmdemo.evaluation.answers import PredictedRow
from mmdemo.evaluation.judging import KINDS
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
    label_probability: float | None  # that the model gave to what is right, where its kind of answer tells
    image: str = ""  # a data URL, "" for none
    text: str = ""
    audio: str = ""  # a data URL, "" for none
    seconds: float = 0.0  # of the sound, embedded or not


def worst(answers: Sequence[PredictedRow], task: Task) -> tuple[Mistake, ...]:
    """Return the wrong answers of the highest confidence, surest first."""
    wrong = [one for one in answers if not task.is_right(one.prediction.label, one.row.label)]
    wrong.sort(key=lambda answered: (-answered.prediction.confidence, answered.row.id))
    return tuple(_mistake(answered, task) for answered in wrong[:SHOWN])


def _mistake(answered: PredictedRow, task: Task) -> Mistake:
    row, prediction, share = answered.row, answered.prediction, KINDS[task.kind].share
    inputs = decode(row.sample, task)
    return Mistake(
        id=row.id,
        group=row.group,
        label=row.label,
        answer=prediction.label,
        confidence=prediction.confidence,
        label_probability=share(prediction, row.label) if share else None,
        image="" if inputs.image is None else picture_url(shrunk(inputs.image, LONG_SIDE_PX), "WEBP"),
        text=inputs.text or "",
        audio="" if inputs.audio is None else _sound(inputs.audio),
        seconds=0.0 if inputs.audio is None else len(inputs.audio) / SAMPLE_RATE_HZ,
    )


def _sound(audio: np.ndarray) -> str:
    content = encode_audio(audio)
    return data_url("audio/flac", content) if len(content) <= SOUND_BYTES else ""
