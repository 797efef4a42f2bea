"""From the outputs of a version's head to the answer that is served, by kind of answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from mmdemo.answers import CLASSIFICATION, NONE_OF_THESE, LabelAnswer
from mmdemo.checks import out_of_distribution
from mmdemo.checks.out_of_distribution import cap_confidence
from mmdemo.model.heads import ClassificationHead
from mmdemo.tasks import Task


@dataclass(frozen=True)
class Answering:
    """How one kind answers. Of a version, `answers` are all values that it can list, in the order of its outputs.

    Where a sample is strange, nothing is surer than the task's threshold allows without a person.
    """

    # task, answers, calibrated outputs (k,), strange → the answer, and the probability in [0, 1] that it is right
    answer: Callable[[Task, Sequence[str], Tensor, bool], tuple[Any, float]]
    # the same → value → its probability, as a what-if shows it; empty where values can't be listed
    shares: Callable[[Task, Sequence[str], Tensor, bool], dict[str, float]]


def label(task: Task, answers: Sequence[str], logits: Tensor, strange: bool) -> tuple[LabelAnswer, float]:
    """Return the likeliest label; "none of these" where a version knows it and finds it likeliest."""
    shares = ClassificationHead.probabilities(logits).numpy()  # (answers,)
    answer = answers[int(shares.argmax())]
    # What "none of these" has is spread over the labels: one of them is right as often where one must be given.
    none = float(shares[-1]) if NONE_OF_THESE in answers else None
    probabilities = shares[: len(task.labels)] + (none or 0.0) / len(task.labels)  # (labels,)
    if strange:
        probabilities = cap_confidence(probabilities, task.threshold)
        none = None if none is None else min(none, task.threshold - out_of_distribution.MARGIN)
    by_label = dict(zip(task.label_names, map(float, probabilities), strict=True))
    return LabelAnswer(answer, by_label, none), by_label.get(answer, none or 0.0)


def label_shares(task: Task, answers: Sequence[str], logits: Tensor, strange: bool) -> dict[str, float]:
    """Return the probability of each label, and of "none of these" where the version knows it."""
    probabilities = ClassificationHead.probabilities(logits).numpy()
    if strange:
        probabilities = cap_confidence(probabilities, task.threshold)
    return dict(zip(answers, map(float, probabilities), strict=True))


KINDS: dict[str, Answering] = {CLASSIFICATION: Answering(label, label_shares)}
