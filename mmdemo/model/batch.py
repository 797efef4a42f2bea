"""A batch of samples: of each modality what its encoder reads, or the tokens that the encoder made of it before.

Letters of the shapes: b samples, n tokens, w width of an encoder's token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

Encoder = Callable[..., tuple[Tensor, Tensor]]  # as ModalityEncoder.forward


@dataclass(frozen=True)
class EncoderInputs:
    """One modality of a batch, as its encoder reads it."""

    tensors: tuple[Tensor, ...]  # (b, …) each: the encoder's arguments, in its order
    present: Tensor  # (b,) bool: which samples have the modality

    def encoded_by(self, encoder: Encoder, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the encoder's tokens (rows, n, w) of some samples, and which of them are real (rows, n) bool."""
        return encoder(*(tensor[rows] for tensor in self.tensors))

    def to(self, device: torch.device | str, non_blocking: bool = False) -> EncoderInputs:
        """Return the same on another device."""
        tensors = tuple(tensor.to(device, non_blocking=non_blocking) for tensor in self.tensors)
        return EncoderInputs(tensors, self.present.to(device, non_blocking=non_blocking))


@dataclass(frozen=True)
class EncoderTokens:
    """One modality of a batch behind its encoder, which is not asked again."""

    values: Tensor  # (b, n, w) float32
    mask: Tensor  # (b, n) bool: which tokens are real; none of a sample that lacks the modality

    @property
    def present(self) -> Tensor:
        """Which samples have the modality, (b,) bool."""
        return self.mask.any(dim=1)

    def encoded_by(self, encoder: Encoder, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens of some samples, as `EncoderInputs` does."""
        return self.values[rows], self.mask[rows]

    def to(self, device: torch.device | str, non_blocking: bool = False) -> EncoderTokens:
        """Return the same on another device."""
        values, mask = (tensor.to(device, non_blocking=non_blocking) for tensor in (self.values, self.mask))
        return EncoderTokens(values, mask)


@dataclass(frozen=True)
class Batch:
    """Samples that go through a model together. A modality that none of them has is left out."""

    modalities: Mapping[str, EncoderInputs | EncoderTokens] = field(default_factory=dict)
    constructed: Tensor | None = None  # (b,) bool: samples whose caption training never hides, their label is its alone

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Batch:
        """Return the same on another device."""
        moved = {name: item.to(device, non_blocking) for name, item in self.modalities.items()}
        constructed = self.constructed
        constructed = None if constructed is None else constructed.to(device, non_blocking=non_blocking)
        return replace(self, modalities=moved, constructed=constructed)
