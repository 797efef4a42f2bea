"""Shares of right answers through time → where they stand in a drawing. Plain data in, plain data out.

Along the drawing places are percentages of its width, so that its text stays as large on a phone; down it, pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mmdemo.locale import percent, text
from mmdemo.values.history import FigurePair, ModelVersion

SHARE = "accuracy"  # which every kind of answer has
MOST = 10  # trainings that are drawn
TOP_PX, BOTTOM_PX, HEIGHT_PX = 16.0, 166.0, 174.0
FIRST, LAST = 16.0, 95.0  # % of the width: left of it stand the lines' names
APART = 1.8  # % of the width between a pair's dots and its middle
STEP = 0.1  # between two lines
FEWEST_LINES = 2


@dataclass(frozen=True)
class GridLine:
    """A share across the drawing."""

    name: str
    y: float


@dataclass(frozen=True)
class Dot:
    """A share, and between what it surely lies."""

    x: float
    y: float
    low: float | None  # y of its interval's ends; None: it has none
    high: float | None


@dataclass(frozen=True)
class Training:
    """One pair, with what it says when it is pointed at."""

    before: Dot
    after: Dot
    served: bool
    name: str


@dataclass(frozen=True)
class Plot:
    """All that is drawn."""

    lines: tuple[GridLine, ...]
    trainings: tuple[Training, ...]  # oldest first
    first: str  # days under the ends
    last: str
    aloud: str  # the same in words
    height: float = HEIGHT_PX
    bottom: float = BOTTOM_PX


def plot(versions: Sequence[ModelVersion], language: str) -> Plot | None:
    """Return the drawing of the newest trainings; `versions` are newest first. None where no training judged one."""
    pairs = [(version, _share(version)) for version in versions]
    shown = [(version, share) for version, share in pairs if share is not None][:MOST][::-1]
    if not shown:
        return None
    lowest = min(_lowest(version, share) for version, share in shown)
    floor = max(0, min(int(lowest / STEP), round(1 / STEP) - FEWEST_LINES))  # in steps
    places = [_place(number, len(shown)) for number in range(len(shown))]
    trainings = tuple(
        _training(version, share, x, floor * STEP, language) for (version, share), x in zip(shown, places, strict=True)
    )
    every = 2 if 1 / STEP - floor > 4 else 1
    steps = range(round(1 / STEP), floor - 1, -every)
    return Plot(
        lines=tuple(GridLine(percent(step * STEP, language), _down(step * STEP, floor * STEP)) for step in steps),
        trainings=trainings,
        first=shown[0][0].at,
        last=shown[-1][0].at if len(shown) > 1 else "",
        aloud=text("models.plot_aloud", language, count=len(shown), points=" ".join(one.name for one in trainings)),
    )


def _share(version: ModelVersion) -> FigurePair | None:
    return next((pair for pair in version.figures if pair.name == SHARE), None)


def _lowest(version: ModelVersion, share: FigurePair) -> float:
    return min(share.before, share.after, *(low for low, _ in version.intervals))


def _place(number: int, count: int) -> float:
    return (FIRST + LAST) / 2 if count == 1 else FIRST + (LAST - FIRST) * number / (count - 1)


def _down(share: float, floor: float) -> float:
    return round(BOTTOM_PX - (BOTTOM_PX - TOP_PX) * (share - floor) / (1 - floor), 1)


def _training(version: ModelVersion, share: FigurePair, x: float, floor: float, language: str) -> Training:
    intervals = version.intervals or (None, None)
    shares = {"before": percent(share.before, language), "after": percent(share.after, language)}
    return Training(
        before=_dot(x - APART, share.before, intervals[0], floor),
        after=_dot(x + APART, share.after, intervals[1], floor),
        served=version.served,
        name=text("models.plot_point", language, version=version.version, count=version.held_out, **shares),
    )


def _dot(x: float, share: float, interval: tuple[float, float] | None, floor: float) -> Dot:
    low, high = (_down(end, floor) for end in interval) if interval else (None, None)
    return Dot(round(x, 2), _down(share, floor), low, high)
