"""What decided an answer, and how far to trust its map: figures → bars and sentences."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmdemo.locale import percent, text
from mmdemo.tasks import Task
from mmdemo.values.analysis import AttributionReport, Contributions, Trust, TrustVerdict

CURVE_WIDTH, CURVE_HEIGHT = 96, 44  # of the two curves as drawn


@dataclass(frozen=True)
class Meter:
    """What one modality added to the answer, or took from it."""

    name: str
    points: str  # signed percentage points; "" where nobody measured them
    left: float  # of its bar on a track whose middle is nothing, 0 … 100
    width: float
    against: bool


@dataclass(frozen=True)
class WeighedView:
    """The two columns under the map."""

    meters: tuple[Meter, ...]  # empty where there is but one modality
    decided: str  # the meters in a sentence
    verdict: str
    trusted: str  # the verdict in a sentence
    curves: Mapping[str, str]  # "map", "random" → the points of a line


def view(weighed: AttributionReport, task: Task, language: str, guess: bool = False) -> WeighedView:
    """Return what is shown of a weighed answer; of one that is only a guess no probability."""
    meters = tuple(_meters(weighed.contributions, language, guess)) if len(weighed.contributions.values) > 1 else ()
    return WeighedView(
        meters=meters,
        decided=_decided(weighed.contributions, task, language, guess) if meters else "",
        verdict=weighed.trust.verdict,
        trusted=_trusted(weighed.trust, _target(weighed.contributions, task, language), language),
        curves={"map": _line(weighed.trust, weighed.trust.map), "random": _line(weighed.trust, weighed.trust.random)},
    )


def points(share: float, language: str, plus: str = "") -> str:
    """Return a difference of two probabilities in percentage points; `plus` stands before one that is above 0."""
    rounded = round(100 * share)
    sign = "−" if rounded < 0 else plus if rounded > 0 else ""
    key = "explain.point" if abs(rounded) == 1 else "explain.points"
    return text(key, language, number=f"{sign}{abs(rounded)}")


def _meters(contributions: Contributions, language: str, guess: bool) -> Iterator[Meter]:
    """A bar a modality, on a scale from one probability less to one more, the same for every sample."""
    for modality, value in contributions.values.items():
        width = 50 * min(1.0, abs(value))
        left = 50 - width if value < 0 else 50
        name = text(f"common.{modality}", language)
        number = "" if guess else points(value, language, "+")
        yield Meter(name, number, round(left, 2), round(width, 2), value < 0)


def _target(contributions: Contributions, task: Task, language: str) -> str:
    label = task.display(contributions.target, language)
    if contributions.against is None:
        return label
    return text("explain.rather", language, label=label, other=task.display(contributions.against, language))


def _trusted(trust: Trust, target: str, language: str) -> str:
    """Return the verdict in a sentence that holds whichever sign the lead has, and whichever way a probability goes."""
    lead = round(100 * trust.score)  # points
    key = {
        TrustVerdict.BETTER: "trust_better" if lead > 0 else "trust_better_little",
        TrustVerdict.NO_BETTER: "trust_ahead" if lead > 0 else "trust_behind" if lead < 0 else "trust_even",
        TrustVerdict.TOO_FEW: "trust_too_few",
    }[trust.verdict]
    score = points(abs(trust.score), language)
    return text(f"explain.{key}", language, label=target, score=score, count=trust.as_good, orders=trust.orders)


def _decided(contributions: Contributions, task: Task, language: str, guess: bool) -> str:
    if guess:
        return text("explain.decided_guess", language, label=_target(contributions, task, language))
    return text(
        "explain.decided",
        language,
        label=_target(contributions, task, language),
        nothing=percent(contributions.nothing, language),
        whole=percent(contributions.whole, language),
    )


def _line(trust: Trust, heights: Sequence[float]) -> str:
    pairs = zip(trust.shares, heights, strict=True)
    return " ".join(f"{share / 100 * CURVE_WIDTH:.1f},{(1 - height) * CURVE_HEIGHT:.1f}" for share, height in pairs)
