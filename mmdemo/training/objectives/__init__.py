"""What each kind of answer is trained for: targets, what is fitted behind the training, and figures; by kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, f1_score
from torch import Tensor
from torch.nn import functional as F

from mmdemo.answers import CLASSIFICATION
from mmdemo.tasks import Task
from mmdemo.training.calibration import fit_scaling
from mmdemo.versions.temperature_scaling import TemperatureScaling


@dataclass(frozen=True)
class Objective:
    """How a model learns one kind of answer. Outputs (n, k) are those of the kind's head, targets (n,) of samples."""

    target: Callable[[Task, str], float]  # task, stored value → what a sample's loss asks for
    stratum: Callable[[str], str]  # stored value → what is spread evenly over the parts of a split
    unfit: Mapping[str, Any]  # options that make no sense here → what each must be
    fit_scaling: Callable[[np.ndarray, np.ndarray], TemperatureScaling]  # outputs, targets → their calibration
    figures: Callable[[Task, np.ndarray, np.ndarray], dict[str, float]]  # task, outputs, targets → accuracy, …
    chosen_by: str  # the one of them that a search looks at
    loss: Callable[[np.ndarray, np.ndarray], float]  # outputs, targets → mean loss without smoothing
    differ: Callable[[Task, np.ndarray, np.ndarray], np.ndarray]  # task, two outputs → which answers differ, (n,) bool
    # What a correction asks for that keeps a share > 0 of the champion's answer: targets (b,), its outputs, the share
    softened: Callable[[Tensor, Tensor, float], Tensor]
    # How far outputs (b, k) are from the champion's, compared at a temperature
    disagreement: Callable[[Tensor, Tensor, float], Tensor]


def label_target(task: Task, value: str) -> float:
    """Return the place of a label among all that may be answered."""
    return task.answers.index(value)


def label_figures(task: Task, logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Return accuracy and macro-F1 of logits (n, classes) and labels (n,)."""
    predicted = logits.argmax(axis=1)
    return {
        "accuracy": round(float(accuracy_score(labels, predicted)), 4),
        "macro_f1": round(float(f1_score(labels, predicted, average="macro", zero_division=0)), 4),
    }


def label_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean cross-entropy in nats."""
    return -float(log_softmax(logits, axis=1)[np.arange(len(labels)), labels].mean())


def labels_differ(task: Task, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return where two logits (n, classes) have another likeliest label."""
    return one.argmax(axis=1) != other.argmax(axis=1)


def softened_labels(labels: Tensor, champion: Tensor, share: float) -> Tensor:
    """Return shares (b, classes): the right label's, mixed with those of the champion's logits."""
    right = F.one_hot(labels, champion.shape[-1]).float()
    return torch.lerp(right, champion.softmax(-1), share)


def label_disagreement(logits: Tensor, champion: Tensor, temperature: float) -> Tensor:
    """Return the mean Kullback-Leibler divergence (Hinton et al. 2015), of the size of the loss's gradients."""
    ours, theirs = logits / temperature, champion / temperature
    return temperature**2 * F.kl_div(ours.log_softmax(-1), theirs.softmax(-1), reduction="batchmean")


OBJECTIVES: dict[str, Objective] = {
    CLASSIFICATION: Objective(
        target=label_target,
        stratum=lambda value: value,
        unfit={},
        fit_scaling=fit_scaling,
        figures=label_figures,
        chosen_by="macro_f1",
        loss=label_loss,
        differ=labels_differ,
        softened=softened_labels,
        disagreement=label_disagreement,
    ),
}
