"""How good the version that serves is at what is sent here, by the panel: shares with their intervals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mmdemo import locale


@dataclass(frozen=True)
class BoundedShare:
    """A share of `whole` samples, and between what it lies with 95 % confidence, whatever is not answered yet."""

    part: int  # as far as people answered
    answered: int
    whole: int
    low: float = 0.0
    high: float = 1.0

    def sentence(self, key: str, language: str) -> str:
        """Say it under a key of [live] in the locale; "" where nothing is known."""
        if not self.answered:
            return ""
        shares = {"share": self.part / self.answered, "low": self.low, "high": self.high}
        percents = {name: _percent(value, language) for name, value in shares.items()}
        return locale.text(f"live.{key}", language, count=self.whole, part=self.part, **percents)


@dataclass(frozen=True)
class LiveFigures:
    """What the panel says of one version."""

    version: str
    samples: int  # of the panel, that it answered and that people had their turn with
    unanswered: int  # of these: each might be right or wrong
    waiting: int  # that came later
    right: BoundedShare  # of all that is sent
    unasked: BoundedShare  # of all: what goes out unasked
    wrong: BoundedShare  # of what goes out unasked

    def lines(self, language: str = "en") -> Iterator[str]:
        """Say it in sentences."""
        if not self.samples:
            yield locale.text("live.nothing", language, version=self.version)
            return
        shares = {"right": self.right, "unasked": self.unasked, "wrong": self.wrong}
        yield from filter(None, (share.sentence(key, language) for key, share in shares.items()))
        if self.unanswered:
            yield locale.text("live.unanswered", language, count=self.unanswered)


def _percent(share: float, language: str) -> str:
    digits = 1 if 0 < share < 0.1 else 0
    return locale.text("common.percent", language, number=f"{100 * share:.{digits}f}")
