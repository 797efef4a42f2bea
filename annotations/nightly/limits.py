"""What no version is served without, however much better it is: these are looked at one by one, and no chance excuses.

Of samples that people pinned as golden none may be lost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mmdemo.values.review import Reason

NAMED, ID_CHARS = 5, 12  # samples that a reason names, and how much of their ids


@dataclass(frozen=True)
class LimitCheck:
    """What a challenger is held to."""

    golden: int = 0  # pinned samples that the champion answers rightly
    golden_lost: tuple[str, ...] = ()  # ids of those that the challenger answers wrongly

    @property
    def numbers(self) -> dict[str, float]:
        """What is stored of it, by name."""
        return {"golden": float(self.golden), "golden_lost": float(len(self.golden_lost))} if self.golden else {}


def broken(check: LimitCheck) -> Iterator[Reason]:
    """Yield why a challenger may not be served; nothing where it may."""
    if check.golden_lost:
        yield Reason("status.night_golden", {"golden": check.golden, "lost": len(check.golden_lost)})
        yield Reason("status.night_golden_samples", {"samples": _named(check.golden_lost)})


def _named(ids: Sequence[str]) -> str:
    return ", ".join(each[:ID_CHARS] for each in ids[:NAMED]) + (" …" if len(ids) > NAMED else "")
