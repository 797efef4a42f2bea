"""What met what: how much words, picture cells and moments looked at one another in the fusion, by layer and head."""

import torch
from torch import Tensor

from mmdemo.explain.maps import AimedPass, membership
from mmdemo.values.analysis import Interaction

STEPS = 255  # of a weight's square root


def interaction(aimed: AimedPass) -> Interaction | None:
    """Return how much each two units met, and how much the answer looked at each; None for a fusion without attention.

    Units are counted as the sample's layout does. What a unit of several tokens looks at is the mean over its tokens,
    what it is looked at their sum; two units met by the mean of both directions.
    """
    if aimed.output.attention is None:
        return None
    attention = torch.stack(aimed.output.attention)[:, 0]  # (layers, heads, 1 or 1 + tokens, 1 + tokens)
    member = membership(aimed)
    answer = attention[:, :, 0, 1:] @ member.T  # (layers, heads, units)
    met = met_of(attention[:, :, 1:, 1:], member) if attention.shape[-2] > 1 else torch.zeros(0)
    return Interaction(
        layers=answer.shape[0],
        heads=answer.shape[1],
        units=answer.shape[2],
        answer=_bytes(answer),
        met=_bytes(met) if met.any() else b"",
    )


def met_of(attention: Tensor, member: Tensor) -> Tensor:
    """Return how much units met (…, units, units), the same both ways.

    attention (…, tokens, tokens): rows look at columns; member (units, tokens): how much of each token is a unit's.
    """
    mean = member / member.sum(dim=1, keepdim=True).clamp_min(torch.finfo(member.dtype).tiny)
    looked = mean @ attention @ member.T  # (…, units, units)
    return (looked + looked.transpose(-1, -2)) / 2


def _bytes(weights: Tensor) -> bytes:
    return (weights.clamp(0, 1).sqrt() * STEPS).round().to(torch.uint8).numpy().tobytes()
