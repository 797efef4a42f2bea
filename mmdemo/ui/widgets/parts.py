"""What the page's script draws of an answer beside its value."""

from collections.abc import Mapping
from dataclasses import dataclass


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
