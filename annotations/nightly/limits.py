"""What no version is served without, however much better it is: these are looked at one by one, and no chance excuses.

Its files can be served. It is neither much larger nor much slower than the version that serves. Of samples that people
pinned as golden none is lost.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mmdemo.values.review import ID_CHARS, Reason, first_of

# So many times what the champion costs. What a training changed lies in 16 bits, where shipped weights lie in 8: where
# all of it learns, a version is twice as large for that alone.
MOST_TIMES = {"size": 2.5, "latency": 1.5}


@dataclass(frozen=True)
class PairedCost:
    """What both versions cost."""

    name: str  # of MOST_TIMES: size, in bytes of the version's folder; latency, in milliseconds an answer
    champion: float
    challenger: float


@dataclass(frozen=True)
class LimitCheck:
    """What a challenger is held to."""

    golden: int = 0  # pinned samples that the champion answers rightly
    golden_lost: tuple[str, ...] = ()  # ids of those that the challenger answers wrongly
    costs: tuple[PairedCost, ...] = ()

    @property
    def numbers(self) -> dict[str, float]:
        """What is stored of it, by name."""
        golden = {"golden": float(self.golden), "golden_lost": float(len(self.golden_lost))} if self.golden else {}
        paired = {
            f"{cost.name}_{version}": getattr(cost, version)
            for cost in self.costs
            for version in ("champion", "challenger")
        }
        return {**golden, **paired}


def broken(check: LimitCheck) -> Iterator[Reason]:
    """Yield why a challenger may not be served; nothing where it may."""
    if check.golden_lost:
        yield Reason("status.night_golden", {"golden": check.golden, "lost": len(check.golden_lost)})
        names = [sample_id[:ID_CHARS] for sample_id in check.golden_lost]
        yield Reason("status.night_golden_samples", {"samples": first_of(names)})
    for cost in check.costs:
        if cost.challenger > MOST_TIMES[cost.name] * cost.champion:
            yield Reason(f"status.night_{cost.name}", _told(cost))


def unusable(detail: str) -> Reason:
    """Return why a challenger whose files fail their test is not compared at all."""
    return Reason("status.night_unusable", {"detail": detail})


def _told(cost: PairedCost) -> dict[str, float]:
    times = cost.challenger / max(cost.champion, 1e-9)
    return {"champion": cost.champion, "challenger": cost.challenger, "times": times, "most": MOST_TIMES[cost.name]}
