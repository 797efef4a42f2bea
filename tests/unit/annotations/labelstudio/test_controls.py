"""A control of every kind: what it writes it reads, what it asks for fits, and no shape of a result breaks it."""

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from annotations.labelstudio import controls
from mmdemo import answers, tasks
from mmdemo.tasks import Task

SENTIMENT = tasks.get("sentiment")
NO_VALUES: list[Mapping[str, Any]] = [
    {},
    {"choices": None},
    {"choices": "neutral"},
    {"choices": []},
    {"choices": [["neutral"]]},
    {"choices": [{}]},
    {"choices": ["of another day"]},
    {"text": ["neutral"]},
]


def config(task: Task, *names: str) -> ET.Element:
    root = ET.Element("View")
    for name in names:
        root.extend(controls.KINDS[task.kind].elements(task, name, task.modalities[0]))
    return root


def test_every_kind_of_answer_has_its_control() -> None:
    assert set(controls.KINDS) == set(answers.KINDS)


@pytest.mark.parametrize("name", ["sentiment", "speech_emotion", "spoken_digits"])
def test_what_a_control_says_it_reads(name: str) -> None:
    task = tasks.get(name)
    control = controls.KINDS[task.kind]
    for value in task.answers:
        result = control.result(value)
        assert set(result) == {"type", "value"} and control.read(task, result["value"]) == value


@pytest.mark.parametrize("value", NO_VALUES)
def test_what_says_nothing_of_the_task_is_none(value: Mapping[str, Any]) -> None:
    assert controls.KINDS[SENTIMENT.kind].read(SENTIMENT, value) is None


def test_a_config_fits_that_asks_once_by_that_name() -> None:
    control = controls.KINDS[SENTIMENT.kind]
    assert control.fits(SENTIMENT, "label", config(SENTIMENT, "why", "label"))
    assert not control.fits(SENTIMENT, "label", config(SENTIMENT, "why"))
    assert not control.fits(SENTIMENT, "label", config(SENTIMENT, "label", "label"))
    assert not control.fits(SENTIMENT, "label", config(tasks.get("speech_emotion"), "label"))
