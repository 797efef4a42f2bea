"""The fusion layer computes what the textbook's does, and says where each token is."""

import torch
from torch import nn

from mmdemo.model.fusion import Fusion, FusionLayer, grid_sinusoids, sinusoids

DIM, HEADS = 16, 4


def reference(layer: FusionLayer) -> nn.TransformerEncoderLayer:
    """Return torch's pre-norm layer with the same weights."""
    other = nn.TransformerEncoderLayer(DIM, HEADS, 4 * DIM, 0.0, "gelu", batch_first=True, norm_first=True).eval()
    pairs = {
        other.norm1: layer.attention_norm,
        other.norm2: layer.forward_norm,
        other.self_attn.out_proj: layer.out,
        other.linear1: layer.feed_forward[0],
        other.linear2: layer.feed_forward[3],
    }
    for theirs, ours in pairs.items():
        theirs.load_state_dict(ours.state_dict())
    other.self_attn.in_proj_weight.data = layer.query_key_value.weight.data
    other.self_attn.in_proj_bias.data = layer.query_key_value.bias.data
    return other


def test_a_layer_equals_torchs_and_its_attention_too() -> None:
    layer = FusionLayer(DIM, HEADS, dropout=0.1).eval()
    other = reference(layer)
    tokens, mask = torch.randn(3, 7, DIM), torch.arange(7) < torch.tensor([[7], [5], [2]])
    for asked in (False, True):
        fused, attention = layer(tokens, mask, asked)
        expected = other(tokens, src_key_padding_mask=~mask)
        torch.testing.assert_close(fused[mask], expected[mask], atol=1e-5, rtol=0)
        assert (attention is not None) == asked
    normed = other.norm1(tokens)
    _, weights = other.self_attn(normed, normed, normed, ~mask, need_weights=True, average_attn_weights=False)
    torch.testing.assert_close(attention, weights, atol=1e-5, rtol=0)


def test_the_order_of_tokens_without_place_does_not_matter() -> None:
    fusion = Fusion(DIM, 2, HEADS, 0.0).eval()
    nn.init.normal_(fusion.answer)
    tokens, mask = torch.randn(1, 6, DIM), torch.ones(1, 6, dtype=torch.bool)
    torch.testing.assert_close(fusion(tokens, mask)[0], fusion(tokens.flip(1), mask)[0], atol=1e-5, rtol=0)


def test_gradients_pass_both_ways_of_computing() -> None:
    fusion = Fusion(DIM, 1, HEADS, 0.0)
    tokens, mask = torch.randn(2, 4, DIM, requires_grad=True), torch.ones(2, 4, dtype=torch.bool)
    grads = [torch.autograd.grad(fusion(tokens, mask, asked)[0].square().sum(), tokens)[0] for asked in (False, True)]
    torch.testing.assert_close(grads[0], grads[1], atol=1e-5, rtol=1e-4)


def test_every_place_has_an_encoding_of_its_own() -> None:
    for places in (sinusoids(torch.arange(400), DIM), grid_sinusoids(7, 7, DIM, torch.zeros(1))):
        assert places.shape[1] == DIM
        distances = torch.cdist(places, places) + 9 * torch.eye(len(places))
        assert distances.min() > 1e-3
    row_major = grid_sinusoids(2, 3, DIM, torch.zeros(1))
    torch.testing.assert_close(row_major[0, : DIM // 2], row_major[2, : DIM // 2])  # one row
    torch.testing.assert_close(row_major[0, DIM // 2 :], row_major[3, DIM // 2 :])  # one column


def test_odd_widths_are_filled_up() -> None:
    assert sinusoids(torch.arange(3), 7).shape == (3, 7)
    assert grid_sinusoids(2, 2, 10, torch.zeros(1)).shape == (4, 10)
