"""The frozen values that page and loop exchange about the versions of a model through time, and about lessons.

All times are UTC, ISO 8601 with seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from mmdemo.values.review import Reason, VersionInfo
from mmdemo.values.samples import Sample

WHOLE = "whole"  # all modalities that a sample has


@dataclass(frozen=True)
class FigurePair:
    """One figure of the version before and of the new one, on the same samples."""

    name: str  # such as accuracy, macro_f1
    before: float
    after: float


@dataclass(frozen=True)
class AnswerPairs:
    """How often two versions were right about the same samples, and between what the shares of that surely lie."""

    both: int
    turned_right: int  # right since the new version
    turned_wrong: int
    neither: int
    before: tuple[float, float]  # 95 % interval of the share of right answers
    after: tuple[float, float]

    @property
    def count(self) -> int:
        """How many samples there were."""
        return self.both + self.turned_right + self.turned_wrong + self.neither


@dataclass(frozen=True)
class CurvePoint:
    """A share of answers, and between what it surely lies."""

    x: float  # in [0, 1]: mean confidence, or the share of the answers that go out
    y: float  # share of right answers, or of wrong ones among those that go out
    low: float  # 95 % interval
    high: float
    count: int  # answers behind it


@dataclass(frozen=True)
class ConfidenceCurves:
    """How far a version's confidence can be believed, on what it was judged on."""

    reliability: tuple[CurvePoint, ...]  # the least sure first
    risk: tuple[CurvePoint, ...]  # the smallest share that goes out first


@dataclass(frozen=True)
class MeasuredCurves:
    """A version's curves, and the samples that they are of: none of them trained it."""

    curves: ConfidenceCurves
    count: int
    measured_on: str  # one of MeasuredOn
    manifest: str = ""  # the name of its file; "" of corrections
    subset: str = WHOLE  # of each sample's modalities


@dataclass(frozen=True)
class ModelVersion:
    """One version, and the retraining run that made and judged it."""

    version: str
    at: str  # when it was made
    parent: str | None  # that its training started from; None: none, or it is not known
    info: VersionInfo | None  # None: its folder was removed since
    can_serve: bool  # it may be put into service from the page
    verdict: str | None = None  # of its run; None: no run made it
    why: tuple[Reason, ...] = ()  # of that verdict
    trained_on: int | None = None  # corrections; None: it was not written down
    compared_with: str | None = None  # the version that served then, to which the figures before belong
    held_out: int = 0  # corrections behind the figures
    figures: tuple[FigurePair, ...] = ()
    pairs: AnswerPairs | None = None  # None: the single answers were not kept
    curves: tuple[ConfidenceCurves, ...] = ()  # of the version before and of this one; none where that is not known

    @property
    def intervals(self) -> tuple[tuple[float, float], ...]:
        """95 % intervals of the shares of right answers before and after; none where some samples were erased since."""
        whole = self.pairs is not None and self.pairs.count == self.held_out
        return (self.pairs.before, self.pairs.after) if self.pairs and whole else ()

    @property
    def served(self) -> bool:
        """Whether it serves now."""
        return self.info is not None and self.info.served


@dataclass(frozen=True)
class ModelHistory:
    """What the Models tab shows of a task."""

    task: str
    versions: tuple[ModelVersion, ...]  # newest first


@dataclass(frozen=True)
class TurnedAnswer:
    """A sample that one of two versions answers rightly and the other one wrongly."""

    sample_id: str  # "" of a test of behaviour, which nobody sent
    sample: Sample
    is_golden: bool
    value: str  # what people said it is
    before: str  # what the version before answered
    after: str
    is_right: bool  # the new version's answer


HELD_OUT, GOLDEN, BEHAVIOUR = "held_out", "golden", "behaviour"  # what a lesson is judged by


@dataclass(frozen=True)
class LessonPart:
    """What a version says before and after a lesson of samples that were not taught in it."""

    name: str  # HELD_OUT, GOLDEN, BEHAVIOUR
    count: int
    before: int  # right answers; of tests of behaviour those that hold
    after: int
    right: int  # that turned right
    wrong: int
    turned: tuple[TurnedAnswer, ...]  # some of both, right ones first


@dataclass(frozen=True)
class Lesson:
    """What the served version would make of an annotator's latest answers."""

    task: str
    version: str  # that was taught
    sample_ids: tuple[str, ...]  # what is learned in it
    set_aside: int  # answers of the annotator that judge and are not taught
    seconds: float
    parts: tuple[LessonPart, ...]


class Change(NamedTuple):
    """One figure of both versions."""

    before: float
    after: float


@dataclass(frozen=True)
class CompressionRecord:
    """How a version was made smaller, and how it compares with its original on the same samples, in one run."""

    method: str
    settings: Mapping[str, Any]  # that the method was given
    manifest: str  # its name
    samples: int  # that both versions judged; those that a method trained on are not among them
    bytes: Change  # of the files that answer
    agreement: float  # share of the samples that are answered as before
    accuracy: Change
    ece: Change
    guessed: Change  # share of the answers that are only a guess: to what is strange to the version
    latency: tuple[float, float, float]  # of an answer, times that of the original: median and quartiles
    maps: Change | None = None  # mean `trust.shortfall` of the default maps; None: not measured
    more: Mapping[str, float] = field(default_factory=dict)  # what the method alone has to say

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> CompressionRecord:
        """Return what `samples.to_json` made of it. Raises KeyError, TypeError, ValueError."""
        changes = {name: Change(*raw[name]) for name in ("bytes", "accuracy", "ece", "guessed")}
        median, low, high = raw["latency"]
        maps = Change(*raw["maps"]) if raw.get("maps") else None
        return cls(**{**raw, **changes, "latency": (median, low, high), "maps": maps})
