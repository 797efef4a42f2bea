"""A kind of answer that nobody can list: a number from 0 to 5, typed; and a queue of samples that are asked for it."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmdemo import decode, tasks
from mmdemo.answers import KINDS, AnswerKind
from mmdemo.answers.task import AnsweredTask
from mmdemo.errors import BadInput
from mmdemo.tasks import Task
from mmdemo.ui import widgets
from mmdemo.ui.widgets import AnswerWidget
from mmdemo.values.analysis import Alike, ExplanationSet, ForwardPass, Near
from mmdemo.values.review import QUEUED, QueueItem, ReviewItem
from mmdemo.values.samples import Inputs, Prediction, Sample
from tests.kind_rows import Rows
from tests.unit.mmdemo.ui.fake import VERSION, explanation
from tests.unit.mmdemo.ui.fake_queue import NOW, FakeQueue

KIND = "rating"
TASK_FILE = """
name = "stars"
kind = "rating"
title = "Stars"
question = "How many stars does it give?"
modalities = ["text"]
languages = ["en"]
threshold = 0.6
"""
CAPTIONS = {  # caption → guess, confidence, reason, suggested value
    "The soup was cold": ("1.5", 0.4, "low_confidence", None),
    "We would come again": ("4", 0.9, "audit", None),
    "Fair for the price": ("3", 0.5, "disputed", "3.5"),
}


@dataclasses.dataclass(frozen=True)
class Rating:
    """So many stars."""

    value: str


def check(task: AnsweredTask, value: str) -> str:
    """Return a number from 0 to 5 without needless zeros. Raises BadInput."""
    try:
        stars = float(value)
    except ValueError:
        stars = -1.0
    if not 0 <= stars <= 5:
        raise BadInput("wrong_type", field="label", wanted="a number from 0 to 5", value=value)
    return f"{stars:g}"


def display(task: AnsweredTask, value: str, language: str) -> str:
    """Return the number with a star."""
    return f"{value} ★"


def loss(task: AnsweredTask, value: str, right: str) -> float:
    """Return by how many stars it is wrong."""
    return abs(float(value) - float(right))


def to_json(answer: Rating) -> dict[str, Any]:
    """Return the value."""
    return {"label": answer.value}


def from_json(fields: Mapping[str, Any]) -> Rating:
    """Return the answer."""
    return Rating(fields["label"])


ANSWERS = AnswerKind(
    check_task=lambda task: None,
    check=check,
    display=display,
    loss=loss,
    tolerance=lambda task: 0.5,
    bare=Rating,
    to_json=to_json,
    from_json=from_json,
)
WIDGET = AnswerWidget(dataclasses.replace(widgets.TYPED, inputmode="decimal"))


ROWS: Rows = [(KINDS, ANSWERS), (widgets.KINDS, WIDGET)]


def load_task(folder: Path) -> Task:
    """Return the task, whose kind is registered."""
    path = folder / "stars.toml"
    path.write_text(TASK_FILE, encoding="utf-8")
    return tasks.load_file(path)


class RatingQueue(FakeQueue):
    """Three captions wait for their stars; whatever is asked is answered with 4 of them, not surely."""

    def _samples(self) -> list[ReviewItem]:
        task = load_task(self.folder)
        self.tasks = {task.name: task}
        return [self._rated(caption, *doubt) for caption, doubt in CAPTIONS.items()]

    def predict(
        self, task: str, inputs: Inputs, explain: str, keep: bool, caller: str = ""
    ) -> tuple[Prediction, ForwardPass]:
        """Answer 4 stars."""
        return self._prediction(inputs, "4", 0.5, "low_confidence"), ForwardPass(VERSION, inputs, None, 0)

    def study(self, task: str, forward: ForwardPass) -> ExplanationSet:
        """Return the one map that there is."""
        return ExplanationSet(VERSION, (explanation(forward.inputs, "4"),), None)

    def alike(self, task: str, forward: ForwardPass, k: int, reviewer: bool) -> Alike:
        """Return a rated sample."""
        near = Near("s-9", "corrections", "4.5", 1.5, 0.4, "text", "text", "Try the fish", "", "")
        return Alike(VERSION, (near,), {})

    def _prediction(self, inputs: Inputs, value: str, confidence: float, reason: str) -> Prediction:
        task = self.tasks["stars"]
        return Prediction(
            sample_id=decode.sample_id(inputs, task.name),
            task=task.name,
            kind=KIND,
            answer=Rating(value),
            confidence=confidence,
            threshold=task.threshold,
            flagged=True,
            reason=reason,
            modalities=inputs.modalities,
            model_version=VERSION,
            latency_ms=3.0,
            explanation=explanation(inputs, value),
        )

    def _rated(self, caption: str, guess: str, confidence: float, reason: str, suggested: str | None) -> ReviewItem:
        inputs = decode.decode(Sample(text=caption), self.tasks["stars"])
        answer = self._prediction(inputs, guess, confidence, reason)
        about = (answer.sample_id, "stars", guess, confidence, reason, QUEUED, NOW, suggested, caption)
        return ReviewItem(QueueItem(*about), answer)
