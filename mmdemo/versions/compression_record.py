"""How a version was made smaller, and how it compares with the one that it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Change(NamedTuple):
    """One figure of both versions."""

    before: float
    after: float


@dataclass(frozen=True)
class CompressionRecord:
    """Measured on the same samples of one manifest, in one run."""

    method: str
    settings: Mapping[str, Any]  # that the method was given
    manifest: str  # its name
    samples: int  # that both versions judged; those that a method trained on are not among them
    bytes: Change  # of the files that answer
    agreement: float  # share of the samples that are answered as before
    accuracy: Change
    ece: Change
    guessed: Change  # share of the answers that are only a guess: to what is strange to the version
    latency: tuple[float, float, float]  # of an answer, times that of the original: median and quartiles
    more: Mapping[str, float] = field(default_factory=dict)  # what the method alone has to say

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> CompressionRecord:
        """Return what `samples.to_json` made of it. Raises KeyError, TypeError, ValueError."""
        changes = {name: Change(*raw[name]) for name in ("bytes", "accuracy", "ece", "guessed")}
        median, low, high = raw["latency"]
        return cls(**{**raw, **changes, "latency": (median, low, high)})
