"""The kinds of answer: what a value of each is, how it is checked, shown, written down and read again; found in KINDS.

A value is text, as corrections, manifests and the page hold it: a label's name, or a number as it is typed. Every other
room that must know the kind has a dict by kind of its own; `tests/kinds.py` lists them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mmdemo.answers import labels
from mmdemo.answers.labels import NONE_OF_THESE, LabelAnswer
from mmdemo.answers.task import AnsweredTask

__all__ = ["CLASSIFICATION", "KINDS", "NONE_OF_THESE", "Answer", "AnswerKind", "LabelAnswer"]
CLASSIFICATION = "classification"  # what a task file that names no kind means


class Answer(Protocol):
    """What a model says of one sample: a frozen value of its kind."""

    @property
    def value(self) -> str:
        """What it says, as a correction would hold it."""


@dataclass(frozen=True)
class AnswerKind:
    """What a kind of answer knows of its values."""

    check_task: Callable[[AnsweredTask], None]  # raises ValueError where the task's file lacks what the kind needs
    check: Callable[[AnsweredTask, str], str]  # a value as typed → as stored, equal ones alike; UnknownName, BadInput
    display: Callable[[AnsweredTask, str, str], str]  # task, stored value, language → what a reader sees
    loss: Callable[[AnsweredTask, str, str], float]  # task, answered value, right value → how wrong it is, ≥ 0
    tolerance: Callable[[AnsweredTask], float]  # a loss above it is an error
    bare: Callable[[str], Any]  # a value alone, "" where nobody predicted one → the answer that knows no more
    to_json: Callable[[Any], dict[str, Any]]  # an answer → its fields among those of a prediction
    from_json: Callable[[Mapping[str, Any]], Any]  # a prediction's fields → the answer
    probabilities: Callable[[Any], Mapping[str, float]] = lambda answer: {}  # an answer → by value, where it lists them
    # Task, what a list of values with their shares shows, perhaps the best alone → the answer and its confidence in
    # [0, 1]; raises UnknownName. None: no such list shows answers of this kind.
    from_shares: Callable[[AnsweredTask, Mapping[str, float]], tuple[Any, float]] | None = None


KINDS: dict[str, AnswerKind] = {
    CLASSIFICATION: AnswerKind(
        check_task=labels.check_task,
        check=labels.check,
        display=labels.display,
        loss=labels.loss,
        tolerance=labels.tolerance,
        bare=labels.bare,
        to_json=labels.to_json,
        from_json=labels.from_json,
        probabilities=labels.probabilities,
        from_shares=labels.from_shares,
    ),
}
