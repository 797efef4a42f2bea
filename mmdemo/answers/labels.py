"""One label out of several, with a probability for each: the answer of a task that classifies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmdemo import locale
from mmdemo.answers.task import AnsweredTask
from mmdemo.errors import UnknownName

NONE_OF_THESE = "none_of_these"  # the answer that a sample is none of the task's labels; reserved: never a label


@dataclass(frozen=True)
class LabelAnswer:
    """A label. `probabilities` are calibrated, in the task's order, and sum to 1.

    What "none of these" holds is spread over them evenly: a label is right as often as it says where one must be given.
    """

    label: str  # of the task, or NONE_OF_THESE
    probabilities: dict[str, float]  # of the task's labels
    none_of_these: float | None = None  # probability of that answer; None where the version does not know it

    @property
    def value(self) -> str:
        """The label, as stored."""
        return self.label

    @property
    def shares(self) -> dict[str, float]:
        """Every possible answer → its probability, NONE_OF_THESE last where the version knows it; they sum to 1."""
        if self.none_of_these is None:
            return self.probabilities
        even = self.none_of_these / len(self.probabilities)
        return {name: p - even for name, p in self.probabilities.items()} | {NONE_OF_THESE: self.none_of_these}


def check_task(task: AnsweredTask) -> None:
    """Raise ValueError where a task has too few labels, two of one name, or one of a reserved name."""
    check_names(task.label_names)


def check_names(names: Sequence[str]) -> None:
    """Raise ValueError where labels are too few, or two have one name, or one a reserved name."""
    if len(set(names)) != len(names) or len(names) < 2:
        raise ValueError("labels must be at least two, all different")
    if NONE_OF_THESE in names:
        raise ValueError(f'"{NONE_OF_THESE}" is a reserved name and no label: say {NONE_OF_THESE} = true instead')


def check(task: AnsweredTask, value: str) -> str:
    """Return a label of the task, or raise UnknownName with the list of what may be answered."""
    if value not in task.answers:
        raise UnknownName("unknown_label", label=value, task=task.name, known=", ".join(task.answers))
    return value


def display(task: AnsweredTask, value: str, language: str) -> str:
    """Return what a reader of `language` sees for a label."""
    if value == NONE_OF_THESE:
        return locale.text("common.none_of_these", language)
    return task.display_label(value, language)


def loss(task: AnsweredTask, value: str, right: str) -> float:
    """Return 0 for the right label, 1 for any other."""
    return float(value != right)


def tolerance(task: AnsweredTask) -> float:
    """Return 0: a label is right or wrong."""
    return 0.0


def bare(value: str) -> LabelAnswer:
    """Return a label of which no probability is known."""
    return LabelAnswer(value, {})


def probabilities(answer: LabelAnswer) -> Mapping[str, float]:
    """Return the probability of each label, in the task's order."""
    return answer.probabilities


def from_shares(task: AnsweredTask, shares: Mapping[str, float]) -> tuple[LabelAnswer, float]:
    """Return the label with the largest share, and its probability.

    What the shares leave of 1 is spread evenly over the answers that they don't name. Raises UnknownName.
    """
    for value in shares:
        check(task, value)
    unnamed = len(task.answers) - len(shares)
    each = max(0.0, 1.0 - sum(shares.values())) / unnamed if unnamed else 0.0
    whole = {name: float(shares.get(name, each)) for name in task.answers}
    total = sum(whole.values())
    whole = {name: share / total if total else 1 / len(whole) for name, share in whole.items()}
    best = max(whole, key=lambda name: whole[name])
    none = whole.get(NONE_OF_THESE)
    even = (none or 0.0) / len(task.label_names)
    return LabelAnswer(best, {name: whole[name] + even for name in task.label_names}, none), whole[best]


def to_json(answer: LabelAnswer) -> dict[str, Any]:
    """Return label and probabilities, and "none of these" where the version knows it."""
    fields: dict[str, Any] = {"label": answer.label, "probabilities": answer.probabilities}
    return fields if answer.none_of_these is None else {**fields, NONE_OF_THESE: answer.none_of_these}


def from_json(fields: Mapping[str, Any]) -> LabelAnswer:
    """Return the answer that a prediction's fields hold."""
    return LabelAnswer(fields["label"], dict(fields["probabilities"]), fields.get(NONE_OF_THESE))
