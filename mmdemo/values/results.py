"""The frozen values that an evaluation returns; `samples.to_json` of them is what `evaluate --json` prints.

`intervals` holds, by the name of a field beside it, where that figure lies in 95 % of the bootstrap samples.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from mmdemo.values.samples import FLAT, OMITTED

TITLES = {"macro_f1": "macro-F1", "ece": "ECE", "aurc": "AURC"}
Interval = tuple[float, float]  # lower and upper end


def title(name: str) -> str:
    """Return what readers call a figure."""
    return TITLES.get(name, name.replace("_", " "))


@dataclass(frozen=True)
class SliceMetrics:
    """Figures of all samples, or of a part of them."""

    n: int  # samples that were judged
    accuracy: float  # share of right answers: within the task's tolerance
    # By name those of its kind of answer, the one for short first: of labels "macro_f1", "macro_precision" and
    # "macro_recall", means over the labels that occur or were answered; of others "loss", the mean.
    own: dict[str, float] = field(metadata=FLAT)
    ece: float  # of the answer's confidence, 15 equal-width bins
    ece_floor: float  # mean error where answers are right as often as their confidence says: less can't be seen
    aurc: float  # share of wrong answers among the surest ones, averaged over how many of them are taken
    flagged_share: float  # of the answers, those that ask for a person
    error_unflagged: float  # share of wrong answers among the others
    intervals: dict[str, Interval]

    @property
    def short(self) -> str:
        """The name of the kind's figure for where there is room for one."""
        return next(iter(self.own))

    def figure(self, name: str) -> float:
        """Return a figure by its name, the kind's own among them."""
        return self.own[name] if name in self.own else float(getattr(self, name))


@dataclass(frozen=True)
class ClassFigures:
    """How well one label is told from the others."""

    n: int  # samples that are it
    precision: float
    recall: float
    f1: float
    intervals: dict[str, Interval]


class KindFigures(Protocol):
    """What figures of one kind of answer alone have: a dataclass."""

    @property
    def table(self) -> list[tuple[Any, ...]]:
        """It as a table, its head first."""


@dataclass(frozen=True)
class LabelFigures:
    """What figures of labels alone have."""

    per_class: dict[str, ClassFigures]
    confusion: tuple[tuple[int, ...], ...]  # true by predicted answer, in the task's order

    @property
    def table(self) -> list[tuple[Any, ...]]:
        """How well each label is told from the others, its head first."""
        rows = [(name, part.n, part.precision, part.recall, part.f1) for name, part in self.per_class.items()]
        return [("label", "n", "precision", "recall", "F1"), *rows]


@dataclass(frozen=True)
class GivenFigures(SliceMetrics):
    """Figures where only some modalities are given."""

    by_group: dict[str, SliceMetrics]


@dataclass(frozen=True)
class Bin:
    """The answers whose confidence lies between two edges: what they promised on average, and what they kept."""

    n: int
    confidence: float
    accuracy: float
    interval: Interval  # of the accuracy


@dataclass(frozen=True)
class Reliability:
    """How far confidences can be read as shares of right answers."""

    ece: float
    ece_floor: float
    intervals: dict[str, Interval]
    bins: tuple[Bin, ...]  # those that hold answers, from unsure to sure


@dataclass(frozen=True)
class Difference:
    """One figure minus the same figure of something else, on the same samples."""

    value: float
    interval: Interval  # by bootstrap of the pairs


@dataclass(frozen=True)
class Compared:
    """What differs from `against`, another version or a single modality, where both are judged on the same samples."""

    against: str
    n: int  # samples that both could judge
    differences: dict[str, Difference]  # "accuracy", the kind's figure for short, "aurc"


@dataclass(frozen=True)
class Recall:
    """How often a sample's partner in another modality is among the ten nearest of all samples'."""

    n: int  # samples that have both, at most 500 drawn at random
    recall_at_10: float
    chance: float  # what features that say nothing would reach
    interval: Interval


@dataclass(frozen=True)
class BehaviourRate:
    """How often a version does what its task should be able to do: one capability."""

    n: int  # tests
    rate: float  # share of them that hold
    interval: Interval  # of the rate: Wilson's, 95 %
    wrong_and_sure: float  # share of the tests with a wrong answer that asks nobody
    reported_only: bool = False  # no version is held to it


@dataclass(frozen=True)
class EvaluationResult(SliceMetrics):
    """All figures of one version on one set of samples."""

    task: str
    model_version: str
    refused: int  # samples that could not be judged, such as a damaged file; in no other figure
    details: KindFigures | None = field(metadata=FLAT)  # of its kind of answer alone, such as LabelFigures
    by_group: dict[str, SliceMetrics]
    by_extra: dict[str, dict[str, SliceMetrics]]  # what else is known of the samples, such as sex → value → figures
    by_modalities: dict[str, GivenFigures]  # "image+text", "image", …: what was given
    fusion: dict[str, Compared]  # what was given → what it differs by from its best single modality
    reliability: Reliability  # of the served confidences
    raw: Reliability | None = field(metadata=OMITTED)  # before calibration, where that is known: temperature 1
    coverage: tuple[tuple[float, float], ...]  # share of the answers, surest first; share of wrong ones among them
    retrieval: dict[str, Recall] = field(default_factory=dict)  # "image_to_text", …; of a task with several modalities
    behaviour: dict[str, BehaviourRate] = field(default_factory=dict)  # capability → rate, where that was asked for


@dataclass(frozen=True)
class Beside:
    """Another version on the same samples."""

    figures: EvaluationResult
    compared: Compared  # the first version's figures minus these


@dataclass(frozen=True)
class Corrupted(SliceMetrics):
    """Figures where one modality of every sample was made worse in one way."""

    modality: str
    name: str  # of the corruption: blur, typos, …
    grade: int  # 1 light, 2 medium, 3 strong
    strength: str  # what the grade means, with its unit
    refused: int  # samples that could not be judged any more, such as a voice that drowned in noise


@dataclass(frozen=True)
class Robustness:
    """How figures fall on samples that are made worse step by step."""

    clean: dict[str, SliceMetrics]  # the same samples as they are, by the modality that is made worse
    corrupted: tuple[Corrupted, ...]
