"""Attention rollout: how much of what the answer token holds at the end came from each input token."""

from collections.abc import Sequence

from torch import Tensor

from mmdemo.explain.maps import AimedPass, explanations, shares
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.samples import Explanation

KEPT = 0.5  # share of a token that a layer's residual connection hands on; the rest is what it looked at


def rollout(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> list[Explanation]:
    """Return scores ≥ 0 that sum to 1 over all input tokens of all modalities, the same for every target.

    Abnar and Zuidema 2020 (arXiv 2005.00928), equation 1 with A = 0.5 W + 0.5 I, W the mean over heads; no further
    pass is needed.
    """
    layers = aimed.output.attention
    assert layers is not None, "this method needs a pass that returned its attention"
    weights = _answer(layers[-1])
    for layer in reversed(layers):
        looked = layer[0].mean(dim=0)  # (1 or 1 + tokens, 1 + tokens)
        weights = KEPT * weights + (1 - KEPT) * weights[: len(looked)] @ looked
    return explanations(aimed, "rollout", targets, shares(weights[1:]).expand(len(targets), -1), signed=False)


def _answer(layer: Tensor) -> Tensor:
    """Return (1 + tokens,): the answer token, in front, and nothing else."""
    answer = layer.new_zeros(layer.shape[-1])
    answer[0] = 1
    return answer
