"""Fusions with an answer token that looks at the others; their attention is returned when asked for.

Letters of the shapes: b samples, n tokens, h heads, d width of a token, k width of a head.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdemo.model.config import MultimodalConfig
from mmdemo.model.fusion.interface import Fused, Fusion

FEED_FORWARD = 4  # inner width of a layer's feed-forward part, in widths of a token
NO_MODALITY = -1  # the answer token's


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
        self.feed_forward = _feed_forward(dim, dropout)

    def forward(
        self, tokens: Tensor, attn_mask: Tensor, return_attention: bool, kept: int | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Return tokens (b, kept, d) and, where asked, attention (b, h, n, n) whose rows sum to 1 over what is seen.

        `attn_mask` (b, 1 or n, n) bool: which tokens (last) each token looks at; at least one. `kept`: how many of the
        first tokens are wanted, all where None; the others are looked at, and not worked out any further.
        """
        normed = self.attention_norm(_once(tokens))
        if kept is not None and not (return_attention or self.training):  # training drops some of what is seen
            mixed, attention = self._looked_at(normed.expand(tokens.shape[0], -1, -1), attn_mask, kept), None
        else:
            projected = self.query_key_value(normed).expand(tokens.shape[0], -1, -1)  # (b, n, 3 · d)
            share = self.dropout if self.training else 0.0
            looking = None if return_attention else kept
            mixed, attention = _attend(projected, self.heads, attn_mask, share, return_attention, looking)
        tokens = tokens[:, :kept] + F.dropout(self.out(mixed[:, :kept]), self.dropout, self.training)
        forwarded = self.feed_forward(self.forward_norm(tokens))
        return tokens + F.dropout(forwarded, self.dropout, self.training), attention

    def _looked_at(self, normed: Tensor, mask: Tensor, kept: int) -> Tensor:
        """Return what the first `kept` of tokens (b, n, d) see (b, kept, d), the others being projected by nobody.

        The same as `_attend`, multiplied in another order: a query goes through the matrix of the keys once, instead of
        each token, and so does what was seen through that of the values. What the keys' bias adds is the same for all
        tokens, and a softmax does not see it.
        """
        b, n, d = normed.shape
        queries, keys, values = self.query_key_value.weight.view(3, self.heads, -1, d)  # each (h, k, d)
        query_bias, _, value_bias = self.query_key_value.bias.view(3, self.heads, -1)  # each (h, k)
        query = torch.einsum("bqd,hkd->bhqk", normed[:, :kept], queries) + query_bias[:, None]
        query_of_tokens = torch.einsum("bhqk,hkd->bhqd", query, keys) / math.sqrt(keys.shape[1])
        scores = (query_of_tokens.flatten(1, 2) @ normed.transpose(1, 2)).view(b, self.heads, kept, n)
        attention = scores.masked_fill(~mask[:, None, :kept], -torch.inf).softmax(dim=-1)
        context = (attention.flatten(1, 2) @ normed).view(b, self.heads, kept, d)
        return (torch.einsum("bhqd,hkd->bqhk", context, values) + value_bias).flatten(2)  # (b, kept, d)


class Transformer(Fusion):
    """Joint layers: every token looks at every other, the answer token among them."""

    attends = True

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__(config)
        self.answer = nn.Parameter(torch.zeros(config.dim))
        self.layers = nn.ModuleList(FusionLayer(config.dim, config.heads, config.dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.dim)

    def forward(self, tokens: Tensor, mask: Tensor, modality: Tensor, return_attention: bool = False) -> Fused:
        """Return the answer token's features behind the last layer, and each layer's attention."""
        tokens, mask = _behind(self.answer, tokens, mask)
        attn_mask = self.attention_mask(mask, F.pad(modality, (1, 0), value=NO_MODALITY))  # (b, 1 or 1 + n, 1 + n)
        attentions = []
        for number, layer in enumerate(self.layers, 1):
            # Behind the last layer nobody reads any token but the answer. A first training works all out, as versions
            # that are there were trained: dropout would be drawn otherwise, and a seed would give other weights.
            kept = 1 if number == len(self.layers) and (self.answer_alone or not self.training) else None
            tokens, attention = layer(tokens, attn_mask, return_attention, kept)
            attentions.append(attention)
        return Fused(self.norm(tokens[:, 0]), tuple(attentions) if return_attention else None)

    def attention_mask(self, mask: Tensor, modality: Tensor) -> Tensor:
        """Return (b, 1 or 1 + n, 1 + n) bool: which tokens are seen, by all or by each."""
        return mask[:, None]  # padding is seen by nobody


class CrossAttention(Transformer):
    """Tokens look at the other modalities only (Lu et al. 2019, ViLBERT, section 3.1), and at the answer token.

    The answer token looks at all of them. So a lone modality is read by the answer token alone.
    """

    def attention_mask(self, mask: Tensor, modality: Tensor) -> Tensor:
        """Return (b, 1 + n, 1 + n) bool: which tokens each sees."""
        other = modality[:, None] != modality  # (1 + n, 1 + n)
        other[0, 0] = True  # a sample without tokens leaves the answer token nothing but itself
        return mask[:, None] & other


class AttentionPooling(Fusion):
    """The answer token alone looks, once; the others don't meet (Lee et al. 2019, Set Transformer, equation 11)."""

    attends = True

    def __init__(self, config: MultimodalConfig) -> None:
        super().__init__(config)
        d = config.dim
        self.answer = nn.Parameter(torch.zeros(d))
        self.attention_norm = nn.LayerNorm(d)
        self.attention = nn.MultiheadAttention(d, config.heads, config.dropout, batch_first=True)
        self.forward_norm = nn.LayerNorm(d)
        self.feed_forward = _feed_forward(d, config.dropout)
        self.norm = nn.LayerNorm(d)

    def forward(self, tokens: Tensor, mask: Tensor, modality: Tensor, return_attention: bool = False) -> Fused:
        """Return what the answer token saw, and how much of it came from where."""
        tokens, mask = _behind(self.answer, tokens, mask)
        # The module's own forward would return its attention as a copy that no gradient reaches.
        weights = self.attention
        projected = F.linear(self.attention_norm(tokens), weights.in_proj_weight, weights.in_proj_bias)  # (b, n, 3 · d)
        share = weights.dropout if self.training else 0.0
        mixed, attention = _attend(projected, weights.num_heads, mask[:, None], share, return_attention, looking=1)
        features = tokens[:, 0] + weights.out_proj(mixed[:, 0])  # (b, d)
        features = features + self.feed_forward(self.forward_norm(features))
        return Fused(self.norm(features), (attention,) if attention is not None else None)


def _attend(
    projected: Tensor, heads: int, mask: Tensor, dropout: float, return_attention: bool, looking: int | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return what the first `looking` tokens (all, where None) see (b, looking, d), and where asked their attention.

    `projected` (b, n, 3 · d): queries, keys and values side by side; `mask` is FusionLayer's `attn_mask`; attention
    (b, h, looking, n) takes part in what is returned beside it, so that gradients reach it.
    """
    b, n, width = projected.shape
    split = projected.view(b, n, 3, heads, width // (3 * heads))  # (b, n, 3, h, k)
    query, key, value = split.permute(2, 0, 3, 1, 4)  # each (b, h, n, k)
    query, mask = query[:, :, :looking], mask[:, None, :looking]  # (b, h, looking, k), (b, 1, 1 or looking, n)
    attention = None
    if return_attention:
        scores = query @ key.transpose(-1, -2) / math.sqrt(key.shape[-1])  # (b, h, looking, n)
        attention = scores.masked_fill(~mask, -torch.inf).softmax(dim=-1)
        mixed = attention @ value
    else:
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
    return mixed.transpose(1, 2).flatten(2), attention  # (b, looking, d)


def _behind(answer: Tensor, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return tokens (b, 1 + n, d) and mask (b, 1 + n) with the answer token in front, which is always real."""
    b, own = tokens.shape[0], _once(tokens)  # not len, which a traced graph takes for a constant
    joined = torch.cat([answer.expand(own.shape[0], 1, -1), own], dim=1).expand(b, -1, -1)  # (b, 1 + n, d)
    return joined, torch.cat([mask.new_ones(b, 1), mask], dim=1)  # (b, 1 + n)


def _once(tokens: Tensor) -> Tensor:
    """Return one (1, n, d) of copies that lie in one place of memory, and differ in their masks; others as they are."""
    return tokens[:1] if tokens.stride(0) == 0 else tokens


def _feed_forward(dim: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(dim, FEED_FORWARD * dim),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(FEED_FORWARD * dim, dim),
    )
