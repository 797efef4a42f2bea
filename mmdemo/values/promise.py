"""What a task promises of the answers that go out unasked, and what became of it, here and elsewhere: values alone.

How the thresholds that keep a promise are computed stands in `mmdemo.thresholds`. What this home's own random checks
say of the version that serves is a `LocalRule`. It stands in a file beside the versions, where whoever answers and
whoever tests meet: `mmdemo.versions.local_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

SHIPPED = "shipped"  # the population of a version's own calibration samples
HERE = "here"  # … and that of what is sent to this home, told by its random checks
ASKED_ALWAYS = 1.0  # the threshold where every answer is asked about
NEVER = -1.0  # the confidence of an answer that people are asked about whatever the threshold
EVEN = 0.5  # a confidence that is worth no promise


class PromiseOutcome(StrEnum):
    """What became of a promise for one subset of the modalities."""

    STANDS = "stands"
    TOO_FEW = "too_few"  # labels: nothing can be said yet
    NONE = "none"  # no threshold keeps it, so every answer is asked about
    UNTESTED = "untested"  # nobody asked what this version can keep
    SUSPENDED = "suspended"  # an alarm stands, or was ended without a threshold of here that keeps it: all is asked


SERVED = (PromiseOutcome.STANDS, PromiseOutcome.NONE)  # where its threshold serves, and not the one in the task's file


@dataclass(frozen=True)
class Promise:
    """Of the answers that go out unasked at most the share `error` is wrong, with confidence `sure`."""

    error: float
    sure: float

    @classmethod
    def of(cls, raw: Any) -> Promise:
        """Return what a task's file says. Raises ValueError with a sentence."""
        if not isinstance(raw, Mapping) or set(raw) != {"error", "sure"}:
            raise ValueError(f"promise {raw!r} is not of the form {{ error = 0.1, sure = 0.95 }}")
        for name, value in raw.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
                raise ValueError(f"promise: {name} {value!r} is not a share between 0 and 1")
        if raw["sure"] <= EVEN:
            raise ValueError(f"promise: sure {raw['sure']!r} is no better than a coin; 0.95 is usual")
        return cls(float(raw["error"]), float(raw["sure"]))


@dataclass(frozen=True)
class Guarantee(Promise):
    """A promise that the threshold of an answer keeps, and the population of which it speaks."""

    population: str = SHIPPED


@dataclass(frozen=True)
class SubsetPromise:
    """What can be promised of answers to samples with one subset of the modalities."""

    outcome: PromiseOutcome
    samples: int  # that it was judged by
    threshold: float = ASKED_ALWAYS  # that keeps it; without a meaning where there are too few
    accepted: int = 0  # samples at or above it
    wrong: int = 0  # of these
    missing: int = 0  # samples, where there are too few

    @property
    def coverage(self) -> float:
        """The share of the samples that goes out unasked."""
        return self.accepted / self.samples if self.samples else 0.0


@dataclass(frozen=True)
class PromiseRecord:
    """What one version can promise."""

    promise: Promise
    subsets: Mapping[str, SubsetPromise] = field(default_factory=dict)  # subset of the modalities → what became of it
    by: str = ""  # the field of which each value was drawn once: it speaks of new ones; "": of further samples
    population: str = SHIPPED

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> PromiseRecord:
        """Return what `samples.to_json` made of it. Raises KeyError, TypeError, ValueError."""
        subsets = {
            name: SubsetPromise(**{**entry, "outcome": PromiseOutcome(entry["outcome"])})
            for name, entry in raw["subsets"].items()
        }
        return cls(Promise(**raw["promise"]), subsets, raw["by"], raw["population"])

    def keeping(self, promise: Promise | None, subset: str) -> SubsetPromise | None:
        """Return what serves in place of a typed threshold, for a task that promises this; None where that serves."""
        entry = self.subsets.get(subset) if promise == self.promise else None
        return entry if entry is not None and entry.outcome in SERVED else None

    def guarantee(self) -> Guarantee:
        """Return what is said of an answer whose threshold keeps it."""
        return Guarantee(self.promise.error, self.promise.sure, self.population)


class AlarmAbout(StrEnum):
    """What no longer fits."""

    ERRORS = "errors"  # more sure answers are wrong than is promised
    INPUTS = "inputs"  # other samples are sent than before


@dataclass(frozen=True)
class Alarm:
    """What is sent here no longer fits: nothing goes out unasked until somebody tests the thresholds anew."""

    about: AlarmAbout
    at: str  # UTC, ISO 8601
    checks: int  # checked answers, or samples of the panel, that were looked at
    wrong: int = 0  # of the checked answers

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Alarm:
        """Return what `samples.to_json` made of it."""
        return cls(**{**raw, "about": AlarmAbout(raw["about"])})


@dataclass(frozen=True)
class LocalRule:
    """What this home's random checks say."""

    version: str = ""  # of whose answers `record` and `looks` speak
    record: PromiseRecord | None = None
    looks: Mapping[str, Sequence[int]] = field(default_factory=dict)  # subset → samples at each test of its thresholds
    since: str = ""  # samples that came before say nothing about today; "": all do
    watched_since: str = ""  # what is watched for an alarm came later
    alarm: Alarm | None = None
    doubted: bool = False  # after an alarm: no threshold but those of here serves

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> LocalRule:
        """Return what `samples.to_json` made of it. Raises KeyError, TypeError, ValueError."""
        record = PromiseRecord.of(raw["record"]) if raw["record"] else None
        alarm = Alarm.of(raw["alarm"]) if raw["alarm"] else None
        return cls(**{**raw, "record": record, "alarm": alarm})

    def keeping(self, version: str, promise: Promise | None, subset: str) -> SubsetPromise | None:
        """Return what this home's checks say of a version's answers to such samples; None where they say too little."""
        if self.alarm or self.record is None or self.version != version:
            return None
        return self.record.keeping(promise, subset)

    def suspends(self, version: str, promise: Promise | None, subset: str) -> bool:
        """Whether every answer is asked about, since nothing that fits keeps the promise."""
        if promise is None:
            return False
        return self.alarm is not None or (self.doubted and self.keeping(version, promise, subset) is None)
