"""The graph of what costs of an encoder, as runtimes take it."""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmdemo.model.encoders.interface import ModalityEncoder


class Costly(nn.Module):
    """The part of an encoder that another runtime does."""

    def __init__(self, encoder: ModalityEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, *arguments: Tensor) -> Tensor:
        """Return what `ModalityEncoder.hidden` does."""
        return self.encoder.hidden(*arguments)


def traced(encoder: ModalityEncoder, arguments: Sequence[Tensor]) -> Any:
    """Return the graph of an encoder that answers. Whether it holds for other shapes its caller must see."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of each number that it takes for the same in all samples
        return torch.jit.trace(Costly(encoder).eval(), tuple(arguments), check_trace=False, strict=False)
