"""The tokens that go into a fusion: those of all modalities, one modality behind the other, each told where it is.

Where that is says a vector added to it: sinusoids (Vaswani et al. 2017, section 3.5), along one way or two.

Letters of the shapes: b samples, n tokens, d width of a fusion token.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_PERIOD = 10_000.0  # longest wavelength


@dataclass(frozen=True)
class Tokens:
    """What the encoders made of a batch: the fusion's input."""

    values: Tensor  # (b, n, d)
    mask: Tensor  # (b, n) bool: False where a sample has no such token
    spans: Mapping[str, tuple[int, int]]  # modality → its first token and the one behind its last
    grid: tuple[int, int] | None  # rows and columns of the picture's regions

    @classmethod
    def joined(cls, by_modality: Mapping[str, tuple[Tensor, Tensor]], grid: tuple[int, int] | None = None) -> Tokens:
        """Return the tokens (b, n of the modality, d) and masks (b, n of the modality) of all modalities as one."""
        edges = list(itertools.accumulate((values.shape[1] for values, _ in by_modality.values()), initial=0))
        return cls(
            values=torch.cat([values for values, _ in by_modality.values()], dim=1),  # (b, n, d)
            mask=torch.cat([mask for _, mask in by_modality.values()], dim=1),  # (b, n)
            spans=dict(zip(by_modality, itertools.pairwise(edges), strict=True)),
            grid=grid,
        )

    @property
    def present(self) -> dict[str, Tensor]:
        """Modality → which samples have a token of it, (b,) bool."""
        return {name: self.mask[:, first:last].any(dim=1) for name, (first, last) in self.spans.items()}

    def only(self, modalities: Collection[str]) -> Tokens:
        """Return the tokens of some modalities alone, as if the samples had no other; no token where that is none."""
        if not set(self.spans) - set(modalities):
            return self
        parts = {name: (self.values[:, a:b], self.mask[:, a:b]) for name, (a, b) in self.spans.items()}
        nothing = {name: (values[:, :0], mask[:, :0]) for name, (values, mask) in parts.items()}
        chosen = {name: part for name, part in parts.items() if name in modalities}
        return Tokens.joined(chosen or nothing, self.grid if "image" in modalities else None)

    def modality(self, order: Sequence[str]) -> Tensor:
        """Return (n,) int64: the place in `order` of the modality to which each token belongs."""
        counts = torch.tensor([last - first for first, last in self.spans.values()])
        places = torch.tensor([order.index(name) for name in self.spans])
        return places.repeat_interleave(counts).to(self.mask.device)

    def masked(self, masks: Tensor) -> Tokens:
        """Return copies of the only sample, each with another mask: masks (copies, n) bool."""
        return replace(self, values=self.values.expand(len(masks), -1, -1), mask=masks)

    def real(self, modality: str) -> Tensor:
        """Return the tokens (n, d) of one modality of the only sample, without padding."""
        first, last = self.spans[modality]
        return self.values[0, first:last][self.mask[0, first:last]]

    def means(self, values: Tensor) -> dict[str, Tensor]:
        """Return by modality the mean (b, d) of the real ones of `values` (b, n, d), one for each token."""
        return {name: _mean(values[:, a:b], self.mask[:, a:b]) for name, (a, b) in self.spans.items()}


def _mean(tokens: Tensor, mask: Tensor) -> Tensor:
    weight = mask.unsqueeze(-1).to(tokens.dtype)  # (b, n, 1)
    return (tokens * weight).sum(dim=1) / weight.sum(dim=1).clamp_min(1)  # (b, d)


def sinusoids(positions: Tensor, dim: int) -> Tensor:
    """Return sinusoidal encodings (n, dim) of positions (n,), computed when needed: nothing to keep in a checkpoint."""
    half = dim // 2
    steps = torch.arange(half, device=positions.device, dtype=torch.float32)
    angles = positions[:, None].float() * torch.exp(-math.log(MAX_PERIOD) * steps / half)  # (n, half)
    return F.pad(torch.cat([angles.sin(), angles.cos()], dim=1), (0, dim - 2 * half))  # (n, dim)


def grid_sinusoids(rows: int, columns: int, dim: int, like: Tensor) -> Tensor:
    """Return encodings (rows · columns, dim) of regions in reading order: one half row, the other column."""
    row, column = torch.meshgrid(
        torch.arange(rows, device=like.device), torch.arange(columns, device=like.device), indexing="ij"
    )
    half = dim // 2
    return torch.cat([sinusoids(row.flatten(), half), sinusoids(column.flatten(), dim - half)], dim=1)
