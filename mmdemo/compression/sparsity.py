"""Magnitude pruning: the smallest weights of each matrix become 0.

Han et al., "Learning both weights and connections for efficient neural networks", NeurIPS 2015, section 3, without the
retraining. Zeros are stored and multiplied like other numbers, so neither the file nor the time of an answer is less on
a CPU; a compressed archive of the file is.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmdemo.compression.interface import Compressed, Request
from mmdemo.compression.learning import pruned
from mmdemo.errors import ManifestError
from mmdemo.model import packing


@torch.no_grad()
def prune(request: Request) -> Compressed:
    """Set a share of each matrix to 0, but for tables that are looked up. Raises ManifestError for no share."""
    share = request.settings.sparsity
    if share is None or not 0 < share < 1:
        raise ManifestError("compress_sparsity", value=share)
    model = request.loaded.model
    tables = {id(part.weight) for part in model.modules() if isinstance(part, torch.nn.Embedding)}
    zeros = total = 0
    for weight in model.parameters():
        if weight.dim() > 1 and weight.numel() >= packing.FEWEST and id(weight) not in tables:
            weight.copy_(thinned(weight, share))
            zeros, total = zeros + int((weight == 0).sum()), total + weight.numel()
    return pruned(request, {"sparsity": share, "zeros": zeros, "of": total})


def thinned(weight: Tensor, share: float) -> Tensor:
    """Return a matrix with the `share` of its numbers that lie nearest to 0 set to 0."""
    dropped = round(share * weight.numel())
    places = weight.abs().flatten().argsort(stable=True)[:dropped]
    return weight.flatten().index_fill(0, places, 0.0).view_as(weight)
