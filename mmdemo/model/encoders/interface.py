"""What every encoder promises, what a task asks for, and what it then gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mmdemo.tasks import Task


class ModalityEncoder(nn.Module):
    """Tensors of one modality → its tokens."""

    dim: int  # width of a token
    grid: tuple[int, int] | None = None  # rows and columns, where the tokens are regions of a picture

    def forward(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (batch, n, dim) float32 and which of them are real (batch, n) bool."""
        return self.tokens(self.hidden(*arguments), *arguments)

    def hidden(self, *arguments: Tensor) -> Tensor:
        """Return (batch, m, …) float32: what costs, and what another runtime can do in PyTorch's place.

        Which operations it takes depends on no number in the tensors. It may ignore some of them.
        """
        raise TypeError("an encoder says itself what it takes")

    def tokens(self, hidden: Tensor, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return what `forward` does, of `hidden` in which each sample may go on, as padding, behind its own m."""
        raise TypeError("an encoder says itself what it makes of it")


@dataclass(frozen=True)
class EncoderRequest:
    """The encoder that a task asks for."""

    modality: str
    task: Task
    start: str = ""  # folder or name of the weights to start from
    captions: Sequence[str] = ()  # of the samples to learn from: what a tokenizer can be learned from

    @property
    def entry(self) -> Mapping[str, Any]:
        """[encoders.MODALITY] of the task's file."""
        return self.task.encoders[self.modality]


@dataclass(frozen=True)
class EncoderSpec:
    """What a fresh model's encoder is made of."""

    spec: dict[str, Any]  # what the configuration keeps: enough to build it empty
    frontend: Any  # what makes its tensors: an ImageFrontend, a TextFrontend or a sound's
    backbone: nn.Module | None = None  # trained weights to start from
    encoder: ModalityEncoder | None = None  # or the whole encoder of another version
