"""How a version's weights lie in their file: in 16 bits, or in 8 with a scale for each row of a matrix.

Eight bits are symmetric quantization by output channel, after Jacob et al., "Quantization and Training of Neural
Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, equation 1 without a zero point. Only the file is
small: what is loaded is float32 again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

FILE = "model.safetensors"
BITS = (8, 16)
HALF_MAX = 65_504.0  # largest number of float16
LARGEST = 127  # of 8 bits, on both sides of 0
FEWEST = 4096  # numbers of a matrix that is worth a scale a row
SCALE = ".scale"  # behind the name of a matrix in 8 bits


def pack(weights: Mapping[str, Tensor], bits: int) -> dict[str, Tensor]:
    """Return weights as a file keeps them; what is too large for 16 bits, and whole numbers, stay as they are."""
    packed: dict[str, Tensor] = {}
    for name, value in weights.items():
        value = value.detach().cpu()
        if bits == 8 and value.is_floating_point() and value.dim() > 1 and value.numel() >= FEWEST:
            packed[name], packed[name + SCALE] = _rows(value)
        else:
            fits = value.is_floating_point() and (not value.numel() or float(value.abs().max()) <= HALF_MAX)
            packed[name] = value.half() if fits else value
    return packed


def unpack(packed: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return float32 weights of what `pack` returned."""
    weights = {}
    for name, value in packed.items():
        if name + SCALE in packed:
            scale = packed[name + SCALE].float()  # (rows,)
            weights[name] = value.float() * scale.view(-1, *[1] * (value.dim() - 1))
        elif not name.endswith(SCALE):
            weights[name] = value.float() if value.is_floating_point() else value
    return weights


def save(packed: Mapping[str, Tensor], folder: Path) -> None:
    """Write what `pack` returned into a version's folder."""
    save_file({name: value.contiguous() for name, value in packed.items()}, folder / FILE, {"format": "pt"})


def read(folder: Path) -> dict[str, Tensor]:
    """Return the weights of a version's folder as its file keeps them. Raises OSError, SafetensorError."""
    return load_file(folder / FILE)


def load(folder: Path) -> dict[str, Tensor]:
    """Return the float32 weights of a version's folder, all finite. Raises OSError, SafetensorError, ValueError."""
    weights = unpack(read(folder))
    for name, value in weights.items():
        if value.is_floating_point() and value.numel() and not all(map(torch.isfinite, value.aminmax())):
            raise ValueError(f"{name} holds numbers that are not finite (NaN or infinite)")
    return weights


def _rows(value: Tensor) -> tuple[Tensor, Tensor]:
    """Return a matrix (rows, …) as int8, and the scales (rows,) float32 that bring it back."""
    scale = value.flatten(1).abs().amax(dim=1).clamp_min(torch.finfo(torch.float32).tiny) / LARGEST
    return (value / scale.view(-1, *[1] * (value.dim() - 1))).round().to(torch.int8), scale
