"""When people are asked in this home about the answers of the version that serves: told by its own random checks.

It stands in a file beside the versions, where whoever answers and whoever tests meet: `mmdemo.versions.local_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mmdemo.values.promise import Promise, PromiseRecord, SubsetPromise


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
