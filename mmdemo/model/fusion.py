"""The fusion transformer: tokens of all modalities behind one answer token, attention returned when asked for.

Letters of the shapes: b samples, n tokens, h heads, d width of a token, k width of a head.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

FEED_FORWARD = 4  # inner width of a layer's feed-forward part, in widths of a token
MAX_PERIOD = 10_000.0  # longest wavelength of the sinusoids (Vaswani et al. 2017, section 3.5)


class FusionLayer(nn.Module):
    """One pre-norm transformer layer (Xiong et al. 2020) whose attention can be looked at."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        assert dim % heads == 0, f"width {dim} is no multiple of {heads} heads"
        self.heads = heads
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(dim)
        self.query_key_value = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)
        self.forward_norm = nn.LayerNorm(dim)
        self.feed_forward = nn.Sequential(
            nn.Linear(dim, FEED_FORWARD * dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(FEED_FORWARD * dim, dim),
        )

    def forward(self, tokens: Tensor, mask: Tensor, return_attention: bool) -> tuple[Tensor, Tensor | None]:
        """Return tokens (b, n, d) and, where asked, attention (b, h, n, n) whose rows sum to 1 over `mask` (b, n)."""
        mixed, attention = self._attend(self.attention_norm(tokens), mask, return_attention)
        tokens = tokens + F.dropout(self.out(mixed), self.dropout, self.training)
        forwarded = self.feed_forward(self.forward_norm(tokens))
        return tokens + F.dropout(forwarded, self.dropout, self.training), attention

    def _attend(self, tokens: Tensor, mask: Tensor, return_attention: bool) -> tuple[Tensor, Tensor | None]:
        b, n, d = tokens.shape
        split = self.query_key_value(tokens).view(b, n, 3, self.heads, d // self.heads)  # (b, n, 3, h, k)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # each (b, h, n, k)
        seen = mask[:, None, None, :]  # (b, 1, 1, n): padding is a key for nobody
        attention = None
        if return_attention:
            scores = query @ key.transpose(-1, -2) / math.sqrt(d // self.heads)  # (b, h, n, n)
            attention = scores.masked_fill(~seen, -torch.inf).softmax(dim=-1)
            mixed = attention @ value
        else:
            share = self.dropout if self.training else 0.0
            mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=seen, dropout_p=share)
        return mixed.transpose(1, 2).reshape(b, n, d), attention  # (b, n, d)


class Fusion(nn.Module):
    """An answer token in front of the input tokens, and layers that let them look at each other."""

    def __init__(self, dim: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.answer = nn.Parameter(torch.zeros(dim))
        self.layers = nn.ModuleList(FusionLayer(dim, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, tokens: Tensor, mask: Tensor, return_attention: bool = False
    ) -> tuple[Tensor, tuple[Tensor, ...] | None]:
        """Fuse input tokens (b, n, d), of which `mask` (b, n) are real.

        Returns the answer token's features (b, d) and, where asked, each layer's attention (b, h, 1 + n, 1 + n) with
        the answer token first.
        """
        b = tokens.shape[0]
        tokens = torch.cat([self.answer.expand(b, 1, -1), tokens], dim=1)  # (b, 1 + n, d)
        mask = torch.cat([mask.new_ones(b, 1), mask], dim=1)  # (b, 1 + n)
        attentions = []
        for layer in self.layers:
            tokens, attention = layer(tokens, mask, return_attention)
            attentions.append(attention)
        return self.norm(tokens[:, 0]), tuple(attentions) if return_attention else None


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
