"""Fusions of one vector a modality, the mean of its tokens: they see no places and no words, and cost next to nothing.

Letters of the shapes: b samples, m modalities of the task, d width of a token.
"""

import torch
from torch import Tensor, nn

from mmdemo.model.config import MultimodalConfig
from mmdemo.model.fusion.interface import Fused, Fusion, modality_means
from mmdemo.model.heads import Head


class Concat(Fusion):
    """Side by side, a learned vector in the place of an absent one."""

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__(config)
        modalities = len(config.modalities)
        self.absent = nn.Parameter(torch.zeros(modalities, config.dim))
        self.norm = nn.LayerNorm(config.dim)
        self.out = _mixing(modalities * config.dim, config.dim, config.dropout)

    def forward(self, tokens: Tensor, mask: Tensor, modality: Tensor, return_attention: bool = False) -> Fused:
        """Return features; there is no attention to return."""
        means, present = modality_means(tokens, mask, modality, len(self.absent))
        side_by_side = torch.where(present[..., None], self.norm(means), self.absent)  # (b, m, d)
        return Fused(self.out(side_by_side.flatten(1)))


class Sum(Fusion):
    """Added up; an absent one adds nothing."""

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__(config)
        self.modalities = len(config.modalities)
        self.norm = nn.LayerNorm(config.dim)
        self.out = _mixing(config.dim, config.dim, config.dropout)

    def forward(self, tokens: Tensor, mask: Tensor, modality: Tensor, return_attention: bool = False) -> Fused:
        """Return features; there is no attention to return."""
        means, present = modality_means(tokens, mask, modality, self.modalities)
        return Fused(self.out((self.norm(means) * present[..., None]).sum(dim=1)))


class Gated(Fusion):
    """Added up by shares that each feature of each sample has of its own (Arevalo et al. 2017, GMU, equation 1).

    The softmax over those present is the paper's gate for two modalities, and goes on to any number.
    """

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__(config)
        modalities, d = len(config.modalities), config.dim
        self.norm = nn.LayerNorm(d)
        self.values = nn.ModuleList(nn.Linear(d, d) for _ in range(modalities))
        self.gate = nn.Linear(modalities * d, modalities * d)

    def forward(self, tokens: Tensor, mask: Tensor, modality: Tensor, return_attention: bool = False) -> Fused:
        """Return features; there is no attention to return."""
        means, present = modality_means(tokens, mask, modality, len(self.values))
        normed = self.norm(means) * present[..., None]  # (b, m, d)
        values = torch.stack([value(normed[:, i]).tanh() for i, value in enumerate(self.values)], dim=1)  # (b, m, d)
        scores = self.gate(normed.flatten(1)).view_as(values)
        scores = scores.masked_fill(~present[..., None], torch.finfo(scores.dtype).min)
        return Fused((scores.softmax(dim=1) * values * present[..., None]).sum(dim=1))


class LateAverage(Fusion):
    """Each modality answers by itself, and the mean of their probabilities counts.

    A layer of its own before the one head makes that a head a modality.
    """

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__(config)
        self.norm = nn.LayerNorm(config.dim)
        self.out = nn.ModuleList(_mixing(config.dim, config.dim, config.dropout) for _ in config.modalities)

    def forward(self, tokens: Tensor, mask: Tensor, modality: Tensor, return_attention: bool = False) -> Fused:
        """Return the opinions, and their mean as features; there is no attention to return."""
        means, present = modality_means(tokens, mask, modality, len(self.out))
        opinions = torch.stack([out(self.norm(means[:, i])) for i, out in enumerate(self.out)], dim=1)  # (b, m, d)
        voices = present | ~present.any(dim=1, keepdim=True)  # of nothing at all, everybody's prejudice
        share = voices / voices.sum(dim=1, keepdim=True)  # (b, m)
        return Fused((opinions * share[..., None]).sum(dim=1), opinions=opinions, voices=voices)

    def logits(self, head: Head, fused: Fused) -> Tensor:
        """Return the logarithm of the mean probabilities (b, labels)."""
        assert fused.opinions is not None and fused.voices is not None
        return head.average(head(fused.opinions), fused.voices)


class LateVote(LateAverage):
    """Each modality answers by itself, and most votes win. A vote has no gradient: while it learns, the mean counts."""

    def logits(self, head: Head, fused: Fused) -> Tensor:
        """Return the logarithm of shares (b, labels) that rank as the votes do."""
        if self.training:
            return super().logits(head, fused)
        assert fused.opinions is not None and fused.voices is not None
        return head.vote(head(fused.opinions), fused.voices)


def _mixing(width: int, dim: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, dim), nn.GELU(), nn.Dropout(dropout))
