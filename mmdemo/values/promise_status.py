"""What the version that serves keeps of its task's promise, as page and command line say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mmdemo import locale
from mmdemo.values.promise import (
    HERE,
    SERVED,
    SHIPPED,
    Alarm,
    LocalRule,
    Promise,
    PromiseOutcome,
    PromiseRecord,
    SubsetPromise,
)


@dataclass(frozen=True)
class PromiseStatus:
    """A promise, of whom it speaks, and how it stands for each subset of the modalities."""

    task: str
    version: str  # that serves
    promise: Promise
    typed: float  # the threshold in the task's file: it serves where no promise stands
    subsets: Mapping[str, SubsetPromise]  # what serves: all that the task has, by name such as image+text
    by: str = ""  # as PromiseRecord has it
    here: Mapping[str, SubsetPromise] = field(default_factory=dict)  # what this home's checks say of each
    served_here: tuple[str, ...] = ()  # the subsets for which that serves
    alarm: Alarm | None = None  # what is sent here no longer fits

    @classmethod
    def of(
        cls,
        task: str,
        version: str,
        promise: Promise,
        typed: float,
        record: PromiseRecord | None,
        names: list[str],
        local: LocalRule,
    ) -> PromiseStatus:
        """Return how a promise stands; thresholds that keep another one keep nothing of this."""
        untested = SubsetPromise(PromiseOutcome.UNTESTED, 0)
        fits = record if record is not None and record.promise == promise else PromiseRecord(promise)
        subsets = {name: fits.subsets.get(name, untested) for name in names}
        here = local.record.subsets if local.record and local.version == version else {}
        serving = {name: kept for name in names if (kept := local.keeping(version, promise, name))}
        suspended = {
            name: SubsetPromise(PromiseOutcome.SUSPENDED, 0) for name in names if local.suspends(version, promise, name)
        }
        return cls(
            task,
            version,
            promise,
            typed,
            {**subsets, **serving, **suspended},
            fits.by,
            here,
            tuple(serving),
            local.alarm,
        )

    @property
    def population(self) -> str:
        """Of whom the thresholds speak that serve: of what is sent here, as soon as one of here does."""
        return HERE if self.served_here else SHIPPED

    @property
    def stands(self) -> bool:
        """Whether it is kept whatever visitors send: by thresholds, or by asking about every answer."""
        return all(kept.outcome in SERVED for kept in self.subsets.values())

    @property
    def thresholds(self) -> dict[str, float]:
        """The threshold that serves, by subset of the modalities; 1 where every answer is asked about."""
        fixed = (*SERVED, PromiseOutcome.SUSPENDED)
        return {name: kept.threshold if kept.outcome in fixed else self.typed for name, kept in self.subsets.items()}

    @property
    def coverage(self) -> dict[str, float | None]:
        """The share of the calibration samples that goes out unasked; None where no promise stands."""
        return {
            name: round(kept.coverage, 4) if kept.outcome in SERVED else None for name, kept in self.subsets.items()
        }

    @property
    def missing(self) -> int:
        """The labels that are missing; a sample with all modalities counts for every subset, but for those of here."""
        lacking = {
            name: self.here.get(name, kept) if kept.outcome == PromiseOutcome.SUSPENDED else kept
            for name, kept in self.subsets.items()
        }
        return max(kept.missing for kept in lacking.values())

    def sentence(self, language: str = "en") -> str:
        """Say what is promised, and of whom."""
        return locale.text(
            f"promise.says_{self.population}{'_by' if self.by and not self.served_here else ''}",
            language,
            error=_percent(self.promise.error, language),
            sure=_percent(self.promise.sure, language),
            version=self.version,
            by=self.by,
        )

    def lines(self, language: str = "en") -> Iterator[str]:
        """Say for each subset of the modalities how it stands, and what its promise here lacks."""
        if self.alarm is not None:
            yield locale.text(f"alarm.{self.alarm.about}", language, **self._about_alarm(language))
            yield locale.text("alarm.to_do", language, task=self.task)
        for name, kept in self.subsets.items():
            each = "_by" if self.by and kept.outcome == PromiseOutcome.TOO_FEW else ""
            yield self._line(f"promise.is_{kept.outcome}{each}", name, kept, language)
            lacking = self.here.get(name)
            if lacking is not None and name not in self.served_here and self.alarm is None:
                yield self._line(f"promise.here_{lacking.outcome}", name, lacking, language)

    def _about_alarm(self, language: str) -> dict[str, str | int]:
        assert self.alarm is not None
        error = _percent(self.promise.error, language)
        return {"checks": self.alarm.checks, "wrong": self.alarm.wrong, "error": error, "at": self.alarm.at}

    def _line(self, key: str, name: str, kept: SubsetPromise, language: str) -> str:
        return locale.text(
            key,
            language,
            what=_named(name, language),
            threshold=_percent(self.thresholds[name], language),
            coverage=_percent(kept.coverage, language),
            samples=kept.samples,
            accepted=kept.accepted,
            wrong=kept.wrong,
            missing=kept.missing,
            by=self.by,
        )


def _named(subset: str, language: str) -> str:
    words = (locale.text(f"common.{modality}", language) for modality in subset.split("+"))
    return locale.listed(words, language).capitalize()


def _percent(share: float, language: str) -> str:
    return locale.text("common.percent", language, number=f"{100 * share:.3g}")
