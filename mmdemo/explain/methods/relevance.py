"""Relevance: gradient × attention, carried through the layers of the fusion down to its input."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdemo.explain.maps import AimedPass, explanations, gradients, shares
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.samples import Explanation


def relevance(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> list[Explanation]:
    """Return signed scores whose magnitudes sum to 1 over all input tokens of all modalities.

    Chefer, Gur and Wolf 2021 (arXiv 2103.15679): equations 5 and 6 over the tokens of all modalities together, of which
    the answer token's row counts. Equation 5 drops what speaks against the target. So that it is seen, the same is
    calculated for the opposite, and taken away: relevance to the target's log-odds less that to their negative. One
    more pass of the fusion, its gradients cut off from the encoders.
    """
    with gradients(aimed) as tokens:
        output = aimed.model.fuse(tokens, return_attention=True)
        assert output.attention is not None
        odds = aimed.log_odds(output, targets)[0]  # (targets,)
        slopes = [torch.autograd.grad(lead, output.attention, retain_graph=True) for lead in odds]
    layers = [layer.detach()[0] for layer in output.attention]
    scores = torch.stack([_signed(layers, [slope[0] for slope in some]) for some in slopes])  # (targets, tokens)
    return explanations(aimed, "relevance", targets, shares(scores), signed=True)


def _signed(layers: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
    return _carried(layers, slopes) - _carried(layers, [-slope for slope in slopes])


def _carried(layers: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
    """Return the relevance (tokens,) ≥ 0 of attention (heads, 1 or 1 + tokens, 1 + tokens) with such gradients.

    The answer token's row of the paper's product of matrices, taken from the last layer to the first.
    """
    row = torch.zeros_like(layers[-1][0, 0])  # (1 + tokens,)
    row[0] = 1
    for attention, slope in zip(reversed(layers), reversed(slopes), strict=True):
        weighed = (slope * attention).clamp_min(0).mean(dim=0)  # (1 or 1 + tokens, 1 + tokens), equation 5
        row = row + row[: len(weighed)] @ weighed  # equation 6
    return row[1:]
