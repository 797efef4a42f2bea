"""The loop over the real Predictor: what it serves is what is kept, and it follows the champion's pointer."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotations.loop import Loop
from mmdemo.decode import SAMPLE_RATE_HZ, decode_audio
from mmdemo.settings import Settings
from mmdemo.tasks import Limits
from mmdemo.values.samples import Inputs
from mmdemo.versions.registry import Versions
from tests import tiny

COLD = {"image+text+audio": 100.0}  # makes every answer doubtful
FIRST, SECOND = "2026-01-01-n001", "2026-01-02-n001"


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    """A home with two untrained versions of a tiny task; the first is served."""
    settings = Settings(home=tmp_path / "home", task_dir=tmp_path / "tasks")
    task = tiny.task(tmp_path / "tasks")
    for seed, name in enumerate((FIRST, SECOND)):
        tiny.version(settings.versions / task.name / name, task, name, seed, temperatures=COLD)
    Versions(settings).promote(task.name, FIRST)
    return settings


def heard(seed: int) -> Inputs:
    """Return a sample whose sound is in the steps of 16 bits in which it is stored."""
    inputs = tiny.inputs(seed)
    return replace(inputs, audio=decode_audio((inputs.audio, SAMPLE_RATE_HZ), Limits()))


def test_what_is_served_is_what_reviewers_see_and_a_promotion_is_served_at_once(config: Settings) -> None:
    loop = Loop(config)
    answer = loop.predict(tiny.NAME, heard(1), "default", True)[0]
    assert answer.flagged and answer.model_version == FIRST
    assert answer.explanation.image and answer.explanation.text and answer.explanation.audio
    shown = loop.item(answer.sample_id)
    assert shown.prediction == replace(answer, prediction_id=None)
    assert shown.item.image.is_file() and shown.item.audio.is_file()
    with Image.open(shown.item.image) as stored:
        assert (np.asarray(stored.convert("RGB")) == tiny.inputs(1).image).all()

    Versions(config).promote(tiny.NAME, SECOND)
    assert loop.predict(tiny.NAME, heard(2), "none", False)[0].model_version == SECOND
    again = loop.predict(tiny.NAME, heard(1), "default", True)[0]  # the same input to another version: no second entry
    assert again.sample_id == answer.sample_id
    assert [item.sample_id for item in loop.queue(tiny.NAME, 10)] == [answer.sample_id]
    assert loop.correct(answer.sample_id, "good", "Ann", "").model_version == FIRST

    loop.forget(answer.prediction_id)
    assert shown.item.image.is_file()  # the second visitor holds it too
    loop.forget(again.prediction_id)
    assert not shown.item.image.exists() and not shown.item.audio.exists()
    loop.close()
