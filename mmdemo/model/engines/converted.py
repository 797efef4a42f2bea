"""Encoders that another runtime computes, with PyTorch behind them for the call at which it fails."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from mmdemo import locale
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines.interface import Hidden, Shape

_log = logging.getLogger(__name__)


@dataclass
class Failure:
    """What a runtime failed at; nothing as long as it did not."""

    error: str = ""

    def note(self, runtime: str, error: Exception) -> None:
        """Keep the first error, and say so once."""
        if not self.error:
            self.error = str(error).split("\n")[0] or type(error).__name__
            _log.error("%s", locale.text("cli.runtime_failed", runtime=runtime, detail=self.error))


@dataclass(frozen=True)
class ConvertedEncoder:
    """One encoder whose costly part another runtime computes; it is called as the encoder is."""

    encoder: ModalityEncoder
    hidden: Hidden
    shapes: Sequence[Shape]  # of its arguments, -1 where they vary
    step: int  # lengths are padded to its multiples: a runtime prepares itself for each length anew
    runtime: str
    precision: str
    failure: Failure

    def __call__(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the encoder does. Where the runtime fails it is asked no more, and PyTorch answers."""
        if self.failure.error:
            return self.encoder(*arguments)
        try:
            return self.converted(*arguments)
        except Exception as error:  # whatever it raises
            tokens = self.encoder(*arguments)  # raises where the runtime was not at fault
            self.failure.note(self.runtime, error)
            return tokens

    def converted(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the runtime makes of it. Raises whatever that raises."""
        pairs = zip(arguments, self.shapes, strict=True)
        return self.encoder.tokens(self.hidden(*(_lengthened(*pair, self.step) for pair in pairs)), *arguments)


@dataclass(frozen=True)
class Engine:
    """The encoders of one version that a runtime computes; those of other modalities stay in PyTorch."""

    runtime: str
    encoders: Mapping[str, ConvertedEncoder]  # by modality
    failure: Failure
    gain: float  # how many times as fast as PyTorch it was here, all modalities together

    @property
    def name(self) -> str:
        """The runtime, and what it computes how; answers of two engines with the same name are scaled alike."""
        parts = [f"{name} {encoder.precision}" for name, encoder in self.encoders.items()]
        return f"{self.runtime}: {', '.join(parts)}"


def _lengthened(tensor: Tensor, shape: Shape, step: int) -> Tensor:
    """Return a tensor with zeros behind, up to the next multiple of `step`, where its last length varies."""
    if len(shape) < 2 or shape[-1] >= 0:
        return tensor
    return F.pad(tensor, (0, -tensor.shape[-1] % step))
