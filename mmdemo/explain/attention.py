"""Attention of the answer token: how much of its last look went to each input token, heads averaged."""

import torch

from mmdemo.explain.maps import Pass, explanation
from mmdemo.samples import Explanation


def attention(seen: Pass) -> Explanation:
    """Return scores ≥ 0 that sum to 1 over all input tokens of all modalities; no further pass is needed."""
    layers = seen.output.attention
    assert layers is not None, "this method needs a pass that returned its attention"
    looked = layers[-1][0].mean(dim=0)[0, 1:]  # (tokens,): from the answer token, in front, of the only sample
    total = looked.sum()
    return explanation(seen, "attention", looked / total if total > 0 else torch.zeros_like(looked))
