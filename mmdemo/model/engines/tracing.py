"""Models as runtimes take them: the graph of what costs of an encoder, and samples to trace by."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.model import transformers_output
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.model import Loaded
from mmdemo.values.samples import Inputs


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
    with quietly():
        return torch.jit.trace(Costly(encoder).eval(), tuple(arguments), check_trace=False, strict=False)


@contextmanager
def quietly() -> Iterator[None]:
    """Trace without gradients and without warnings until the block ends.

    They are of each number that the tracer takes for the same in all samples, and transformers' own: the tracer asks
    its models for every property.
    """
    with torch.no_grad(), warnings.catch_warnings(), transformers_output.errors_only():
        warnings.simplefilter("ignore")
        yield


def examples(loaded: Loaded, modalities: Sequence[str]) -> list[Inputs]:
    """Return two samples of noise that have these modalities, a short one and a long one."""
    noise = np.random.default_rng(0)
    size = loaded.processor.image.size if loaded.processor.image else 1
    return [
        Inputs(
            image=noise.integers(0, 256, (size, size, 3), np.uint8),
            text=" ".join(["a dog runs"] * words),
            audio=(noise.standard_normal(words * SAMPLE_RATE_HZ // 2) * 0.1).astype(np.float32),
        ).only(modalities)
        for words in (2, 7)
    ]
