"""Relevance: gradient × attention, carried through the layers of the fusion down to its input."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdemo.explain.maps import Pass, explanations, gradients, shares
from mmdemo.explain.question import Question
from mmdemo.samples import Explanation


def relevance(seen: Pass, questions: Sequence[Question]) -> list[Explanation]:
    """Return signed scores whose magnitudes sum to 1 over all input tokens of all modalities.

    Chefer, Gur and Wolf 2021 (arXiv 2103.15679), equations 5 and 6 over the joint tokens of all modalities, the answer
    token's row.
    """
    with gradients(seen) as tokens:
        output = seen.model.fuse(tokens, return_attention=True)
        assert output.attention is not None
        odds = seen.log_odds(output, questions)[0]  # (questions,)
        slopes = [torch.autograd.grad(lead, output.attention, retain_graph=True) for lead in odds]
    layers = [layer.detach()[0] for layer in output.attention]
    scores = torch.stack([_carried(layers, [slope[0] for slope in some]) for some in slopes])
    return explanations(seen, "relevance", questions, shares(scores), signed=True)


def _carried(layers: Sequence[Tensor], slopes: Sequence[Tensor]) -> Tensor:
    """Return (tokens,) of attention (heads, 1 or 1 + tokens, 1 + tokens) of each layer and its gradients."""
    reached = torch.zeros(layers[-1].shape[-1])  # (1 + tokens,): how strongly each token bears on the answer token
    reached[0] = 1
    scores = torch.zeros_like(reached)
    for attention, slope in zip(reversed(layers), reversed(slopes), strict=True):
        step = attention * slope  # (heads, 1 or 1 + tokens, 1 + tokens)
        at = reached[: step.shape[1]]
        scores = scores + at @ step.mean(dim=0)
        reached = reached + at @ step.abs().mean(dim=0)
    return scores[1:]
