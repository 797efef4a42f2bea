"""A kind of answer that the project does not ship: a number, corrected by typing. `registered` is all it takes.

Its head says a mean and a spread: the mean is learned by squared error, the spread by how far that is off.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from annotations.acquisition import doubt
from annotations.labelstudio import controls
from annotations.labelstudio.controls import ControlTag
from annotations.nightly import curation
from mmdemo import answers
from mmdemo.answers import AnswerKind
from mmdemo.answers.task import AnsweredTask
from mmdemo.checks.out_of_distribution import MARGIN
from mmdemo.errors import BadInput
from mmdemo.evaluation import judging
from mmdemo.evaluation.judging import EvaluatedKind
from mmdemo.explain import targets
from mmdemo.explain.targets import ExplanationTarget, TargetKind
from mmdemo.model import heads
from mmdemo.model.heads import Head
from mmdemo.prediction import assembly
from mmdemo.prediction.assembly import Answering
from mmdemo.training import objectives
from mmdemo.training.objectives import Objective
from mmdemo.ui import widgets
from mmdemo.ui.widgets import ACCURACY, TYPED, AnswerWidget, Column
from mmdemo.versions.temperature_scaling import UNSCALED
from tests import kind_rows

KIND = "number"
TOLERANCE = 1.0  # where the task's file names none
LEAST_SPREAD = 1e-2


@dataclass(frozen=True)
class NumberAnswer:
    """A number, and how far it is off as a rule (standard deviation)."""

    number: float
    spread: float

    @property
    def value(self) -> str:
        """The number as it is stored."""
        return written(self.number)


class NumberHead(Head):
    """Mean and logarithm of the spread (…, 2) of features (…, dim)."""

    outputs = 2

    def __init__(self, dim: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.out = nn.Linear(dim, 2)

    def forward(self, features: Tensor) -> Tensor:
        """Return (…, 2) float32."""
        return self.out(features).float()

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Return the mean squared error, and the normal density's surprise about it, which moves the spread alone."""
        mean, spread = outputs[:, 0], outputs[:, 1].exp().clamp_min(LEAST_SPREAD)
        return F.mse_loss(mean, targets) + F.gaussian_nll_loss(mean.detach(), targets, spread**2)


def written(number: float) -> str:
    """Return a number in the form in which it is stored."""
    return f"{number:.4g}"


def check(task: AnsweredTask, value: str) -> str:
    """Return a typed number in the form in which it is stored. Raises BadInput."""
    try:
        number = float(value.replace(",", "."))
    except ValueError as error:
        raise BadInput("wrong_type", field="label", wanted="a number", value=value) from error
    if not math.isfinite(number):
        raise BadInput("wrong_type", field="label", wanted="a finite number", value=value)
    return written(number + 0.0)  # -0 is 0


def check_task(task: AnsweredTask) -> None:
    """Raise ValueError for a task that lists labels."""
    if task.label_names:
        raise ValueError("a number has no labels")


def tolerance(task: AnsweredTask) -> float:
    """Return how far a number may be off, squared: what the loss is compared with."""
    return float(task.answer.get("tolerance", TOLERANCE)) ** 2


def answer(task: Any, known: Sequence[str], outputs: Tensor, strange: bool) -> tuple[NumberAnswer, float]:
    """Return the number, and the probability that it lies within the tolerance."""
    spread = max(float(outputs[1].exp()), LEAST_SPREAD)
    confidence = math.erf(math.sqrt(tolerance(task)) / (spread * math.sqrt(2)))
    return NumberAnswer(float(outputs[0]), spread), min(confidence, task.threshold - MARGIN) if strange else confidence


def from_json(fields: Mapping[str, Any]) -> NumberAnswer:
    """Return the answer that a prediction's fields hold."""
    return NumberAnswer(float(fields["label"]), float(fields["spread"]))


def nearness(head: Head, outputs: Tensor, known: Sequence[str], wanted: Sequence[ExplanationTarget]) -> Tensor:
    """Return (b, targets) in [0, 1]: 1 where the mean is the target, less the farther it is off."""
    off = outputs[:, :1].double() - torch.tensor([[float(target.value) for target in wanted]])
    return (-(off**2)).exp()


def figures(task: Any, outputs: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Return the share within the tolerance, and the mean squared error."""
    squared = (outputs[:, 0] - right) ** 2
    return {"accuracy": float((squared <= tolerance(task)).mean()), "squared_error": float(squared.mean())}


WIDGET = AnswerWidget(
    replace(TYPED, inputmode="decimal"),
    columns=(ACCURACY, Column("squared_error", lambda language: "squared error")),
)
ROWS: list[tuple[dict, Any]] = [
    (
        answers.KINDS,
        AnswerKind(
            check_task=check_task,
            check=check,
            display=lambda task, value, language: value,
            loss=lambda task, value, right: (float(value) - float(right)) ** 2,
            tolerance=tolerance,
            bare=lambda value: NumberAnswer(float(value or "nan"), math.inf),
            to_json=lambda said: {"label": said.number, "spread": said.spread},
            from_json=from_json,
        ),
    ),
    (heads.HEADS, NumberHead),
    (assembly.KINDS, Answering(answer, lambda *_: {})),
    (
        targets.KINDS,
        TargetKind(
            answered=lambda outputs, known: written(float(outputs[0])),
            check=lambda value, known: True,
            log_odds=lambda outputs, known, wanted: outputs[:, :1].expand(-1, len(wanted)),
            probability=nearness,
        ),
    ),
    (
        objectives.OBJECTIVES,
        Objective(
            target=lambda task, value: float(value),
            stratum=lambda value: "",
            unfit={"label_smoothing": 0.0, "class_weights": 0.0, "mixup": 0.0},
            fit_scaling=lambda outputs, right: UNSCALED,
            figures=figures,
            chosen_by="accuracy",
            loss=lambda outputs, right: float(((outputs[:, 0] - right) ** 2).mean()),
            differ=lambda task, one, other: (one[:, 0] - other[:, 0]) ** 2 > tolerance(task),
            softened=lambda right, champion, share: right,
            disagreement=lambda ours, theirs, temperature: F.mse_loss(ours[:, 0], theirs[:, 0]),
        ),
    ),
    (judging.KINDS, EvaluatedKind()),
    (
        controls.KINDS,
        ControlTag(
            elements=lambda task, name, about: [
                ET.Element("Number", {"name": name, "toName": about, "required": "true"})
            ],
            fits=lambda task, name, config: any(each.get("name") == name for each in config.iter("Number")),
            result=lambda value: {"type": "number", "value": {"number": float(value)}},
            read=lambda task, value: check(task, str(value["number"])) if "number" in value else None,
        ),
    ),
    (curation.KINDS, lambda task, rows, features: np.zeros(len(rows))),
    (doubt.KINDS, lambda prediction: 1 - prediction.confidence),
    (widgets.KINDS, WIDGET),
]


def registered() -> AbstractContextManager[None]:
    """Add the kind's row to every dict by kind, for as long as a block lasts."""
    return kind_rows.registered(KIND, ROWS)
