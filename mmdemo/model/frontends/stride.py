"""How a stretch of sound becomes frames, and frames tokens: always one of them every so often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from torch import Tensor

Count = TypeVar("Count", int, Tensor)


@dataclass(frozen=True)
class Stride:
    """One piece every `stride` units; each needs `width` units that are there, as a convolution without padding does.

    A width of 1 counts pieces that begin before the end, as a convolution does that pads.
    """

    width: int
    stride: int

    def count(self, units: Count) -> Count:
        """Return how many pieces so many units make."""
        return (units - self.width) // self.stride + 1

    def then(self, later: Stride) -> Stride:
        """Return the steps of pieces of pieces, in the units of these."""
        return Stride(self.width + self.stride * (later.width - 1), self.stride * later.stride)
