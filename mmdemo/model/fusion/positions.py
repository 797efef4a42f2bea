"""Where a token is, as a vector added to it: sinusoids (Vaswani et al. 2017, section 3.5), along one way or two."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

MAX_PERIOD = 10_000.0  # longest wavelength


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
