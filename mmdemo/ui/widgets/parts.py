"""What the page shows of an answer beside its value, and of the versions that give it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mmdemo.locale import percent, text


@dataclass(frozen=True)
class Bar:
    """One possible answer."""

    label: str  # as stored
    name: str  # as the reader calls it
    percent: str
    width: float  # of the track, 0 … 100
    won: bool


@dataclass(frozen=True)
class Otherwise:
    """The answer without what was left out."""

    percents: Mapping[str, str]  # by label, as stored
    widths: Mapping[str, float]  # of the track, 0 … 100
    sentence: str  # "" where there is nothing to say


def three_decimals(figure: float, language: str) -> str:
    """Return a figure that is no share."""
    return f"{figure:.3f}"


@dataclass(frozen=True)
class Column:
    """A figure that versions are listed with."""

    figure: str  # its name in a version's sidecar
    head: Callable[[str], str]  # language → what stands above it
    shown: Callable[[float, str], str] = three_decimals  # figure, language → what a reader sees


ACCURACY = Column("accuracy", lambda language: text("status.figure_accuracy", language), percent)
