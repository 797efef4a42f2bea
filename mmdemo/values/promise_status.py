"""What the version that serves keeps of its task's promise, as page and command line say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mmdemo import locale
from mmdemo.values.promise import SERVED, SHIPPED, Promise, PromiseOutcome, PromiseRecord, SubsetPromise


@dataclass(frozen=True)
class PromiseStatus:
    """A promise, of whom it speaks, and how it stands for each subset of the modalities."""

    task: str
    version: str  # that serves
    promise: Promise
    typed: float  # the threshold in the task's file: it serves where no promise stands
    subsets: Mapping[str, SubsetPromise]  # all that the task has, by name such as image+text
    by: str = ""  # as PromiseRecord has it
    population: str = SHIPPED

    @classmethod
    def of(
        cls, task: str, version: str, promise: Promise, typed: float, record: PromiseRecord | None, names: list[str]
    ) -> PromiseStatus:
        """Return how a promise stands; thresholds that keep another one keep nothing of this."""
        untested = SubsetPromise(PromiseOutcome.UNTESTED, 0)
        if record is None or record.promise != promise:
            return cls(task, version, promise, typed, dict.fromkeys(names, untested))
        subsets = {name: record.subsets.get(name, untested) for name in names}
        return cls(task, version, promise, typed, subsets, record.by, record.population)

    @property
    def stands(self) -> bool:
        """Whether it is kept whatever visitors send: by thresholds, or by asking about every answer."""
        return all(kept.outcome in SERVED for kept in self.subsets.values())

    @property
    def thresholds(self) -> dict[str, float]:
        """The threshold that serves, by subset of the modalities; 1 where every answer is asked about."""
        return {name: kept.threshold if kept.outcome in SERVED else self.typed for name, kept in self.subsets.items()}

    @property
    def coverage(self) -> dict[str, float | None]:
        """The share of the calibration samples that goes out unasked; None where no promise stands."""
        return {
            name: round(kept.coverage, 4) if kept.outcome in SERVED else None for name, kept in self.subsets.items()
        }

    @property
    def missing(self) -> int:
        """The labels that are missing; a sample with all modalities counts for every subset."""
        return max(kept.missing for kept in self.subsets.values())

    def sentence(self, language: str = "en") -> str:
        """Say what is promised, and of whom."""
        return locale.text(
            f"promise.says_{self.population}{'_by' if self.by else ''}",
            language,
            error=_percent(self.promise.error, language),
            sure=_percent(self.promise.sure, language),
            version=self.version,
            by=self.by,
        )

    def lines(self, language: str = "en") -> Iterator[str]:
        """Say for each subset of the modalities how it stands."""
        for name, kept in self.subsets.items():
            each = "_by" if self.by and kept.outcome == PromiseOutcome.TOO_FEW else ""
            yield locale.text(
                f"promise.is_{kept.outcome}{each}",
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
