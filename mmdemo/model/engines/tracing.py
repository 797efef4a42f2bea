"""The graph of what costs of an encoder, as runtimes take it."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers.utils import logging

from mmdemo.model.encoders.interface import ModalityEncoder


class Costly(nn.Module):
    """The part of an encoder that another runtime does."""

    def __init__(self, encoder: ModalityEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, *arguments: Tensor) -> Tensor:
        """Return what `ModalityEncoder.hidden` does."""
        return self.encoder.hidden(*arguments)


@contextmanager
def _errors_only() -> Iterator[None]:
    """Keep transformers from warning of what is looked at in passing: the tracer asks its models for every property."""
    before = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(before)


def traced(encoder: ModalityEncoder, arguments: Sequence[Tensor]) -> Any:
    """Return the graph of an encoder that answers. Whether it holds for other shapes its caller must see."""
    with torch.no_grad(), warnings.catch_warnings(), _errors_only():
        warnings.simplefilter("ignore")  # of each number that it takes for the same in all samples
        return torch.jit.trace(Costly(encoder).eval(), tuple(arguments), check_trace=False, strict=False)
