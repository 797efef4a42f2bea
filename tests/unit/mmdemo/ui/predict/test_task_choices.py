"""The input card offers every task, by what it takes or by its title."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdemo import tasks
from mmdemo.tasks import Example, Task
from mmdemo.ui.predict import task_choices

SENTIMENT, SPEECH = tasks.get("sentiment"), tasks.get("speech_emotion")


def shapes(**changes: object) -> Task:
    title = {"en": "Drawn shapes", "zh": "图形"}
    return dataclasses.replace(SENTIMENT, name="shapes", title=title, modalities=("image",), examples=(), **changes)  # type: ignore[arg-type]


def names(*some: Task, language: str = "en") -> list[str]:
    bare = {task.name: dataclasses.replace(task, examples=()) for task in some}
    return [task.choice for task in task_choices.view(bare, language)]


def test_tasks_are_called_by_what_they_take() -> None:
    assert names(SPEECH, SENTIMENT) == ["Picture + caption", "Speech"]
    assert names(SENTIMENT, SPEECH, language="zh") == ["图片 + 文字说明", "语音"]


def test_a_task_that_others_resemble_or_of_another_kind_is_called_by_its_title() -> None:
    twin = dataclasses.replace(SENTIMENT, name="twin", title={"en": "Irony", "zh": "反讽"})
    assert names(SENTIMENT, twin, shapes()) == ["Sentiment", "Irony", "Drawn shapes"]


@pytest.mark.slow
def test_the_languages_that_the_model_reads_are_named_in_the_readers() -> None:
    assert [task_choices.view({"s": SPEECH}, language)[0].reads for language in ("en", "zh")] == [
        "English and German",
        "英语和德语",
    ]
    assert task_choices.view({"s": shapes(languages=())}, "en")[0].reads == ""
    assert task_choices.view({"s": shapes(languages=("xx",))}, "en")[0].reads == "xx"


@pytest.mark.parametrize("task", [SENTIMENT, SPEECH], ids=lambda task: task.name)
def test_every_shipped_example_can_be_seen_before_it_is_clicked(task: Task) -> None:
    (choice,) = task_choices.view({task.name: task}, "en")
    assert len(choice.examples) == len(task.examples) > 0
    assert all(example.credit and (example.thumbnail or example.peaks) for example in choice.examples)


def test_a_thumbnail_is_small(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 1200, 3), np.uint8)).save(tmp_path / "noise.png")
    (choice,) = task_choices.view(
        {"shapes": dataclasses.replace(shapes(), examples=(Example(tmp_path / "noise.png"),))}, "en"
    )
    assert len(choice.examples[0].thumbnail) < 80_000
