"""The seam behind which PyTorch or another runtime stands: what a runtime must be able to, to do an encoder's work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from mmdemo.model.encoders.interface import ModalityEncoder

Shape = Sequence[int]
Hidden = Callable[..., Tensor]  # as ModalityEncoder.hidden; any number of threads may call it


@dataclass(frozen=True)
class Runtime:
    """One runtime that can do the arithmetic of encoders in PyTorch's place."""

    name: str
    packages: tuple[str, ...]  # modules that must be there
    version: Callable[[], str]
    precisions: Callable[[], Sequence[str]]  # in which it computes on this processor, the fastest first
    # an encoder, examples of its arguments, the shape of each, -1 where it varies → files in this folder
    write: Callable[[ModalityEncoder, Sequence[Tensor], Sequence[Shape], Path], None]
    read: Callable[[Path, int, str], Hidden]  # such a folder, threads, precision → what computes
