"""What every fusion promises: from the tokens of all modalities to the features that a head answers from.

Letters of the shapes: b samples, n tokens, m modalities of the task, d width of a token, h heads.
"""

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F

from mmdemo.model.config import MultimodalConfig
from mmdemo.model.heads import Head


@dataclass(frozen=True)
class Fused:
    """What a fusion makes of a batch."""

    features: Tensor  # (b, d)
    # a layer each, (b, h, 1 + n, 1 + n) with the answer token first; (b, h, 1, 1 + n) where it alone looks around
    attention: tuple[Tensor, ...] | None = None
    opinions: Tensor | None = None  # (b, m, d): where each modality answers by itself, its features
    voices: Tensor | None = None  # (b, m) bool: whose opinion counts


class Fusion(nn.Module):
    """Tokens of any subset of the modalities → features. Built from a MultimodalConfig."""

    attends = False  # whether there is attention to show
    answer_alone = False  # in training too, what nobody reads is not worked out; in answers it never is

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__()

    def forward(self, tokens: Tensor, mask: Tensor, modality: Tensor, return_attention: bool = False) -> Fused:
        """Fuse tokens (b, n, d), of which `mask` (b, n) are real; `modality` (n,) counts in the order of the task's.

        A sample may have no token of a modality, or none at all. Padding never changes what is returned.
        """
        raise TypeError("a fusion says itself how it fuses")

    def logits(self, head: Head, fused: Fused) -> Tensor:
        """Return the outputs (b, k) that `head` gives."""
        return head(fused.features)


def modality_means(tokens: Tensor, mask: Tensor, modality: Tensor, modalities: int) -> tuple[Tensor, Tensor]:
    """Return each modality's mean token (b, m, d), 0 where a sample has none of it, and who has it (b, m) bool."""
    member = F.one_hot(modality, modalities).T.bool()  # (m, n)
    weight = (mask[:, None, :] & member).to(tokens.dtype)  # (b, m, n)
    count = weight.sum(dim=-1, keepdim=True)  # (b, m, 1)
    return weight @ tokens / count.clamp_min(1), count[..., 0] > 0
