"""The frozen values that an evaluation returns; `samples.to_json` of them is what `evaluate --json` prints."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Slice:
    """Figures of a part of the samples."""

    n: int
    accuracy: float
    macro_f1: float
    ece: float  # top label, 15 equal-width bins


@dataclass(frozen=True)
class ClassFigures:
    """How well one label is told from the others."""

    n: int  # samples that are it
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class GivenFigures(Slice):
    """Figures where only some modalities are given."""

    by_group: dict[str, Slice]


@dataclass(frozen=True)
class Figures:
    """All figures of one version on one set of samples."""

    task: str
    model_version: str
    n: int  # samples that were judged
    refused: int  # samples that could not be, such as a damaged file; in no other figure
    accuracy: float
    macro_f1: float
    ece: float
    ece_floor: float  # mean error where labels are drawn from the served probabilities: less can't be seen
    flagged_share: float  # of the answers, those that ask for a person
    error_unflagged: float  # share of wrong answers among the others
    per_class: dict[str, ClassFigures]
    by_group: dict[str, Slice]
    by_modalities: dict[str, GivenFigures]  # "image+text", "image", …: what was given
    intervals: dict[str, tuple[float, float]]  # 95 %, by bootstrap
    confusion: tuple[tuple[int, ...], ...]  # true label by predicted label, in the task's order
