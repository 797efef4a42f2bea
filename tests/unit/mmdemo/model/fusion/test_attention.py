"""The fusion layer computes what the textbook's does; the answer token looks where it may; tokens know their place."""

import torch
from torch import nn

from mmdemo.model import MultimodalConfig
from mmdemo.model.fusion.attention import AttentionPooling, CrossAttention, FusionLayer, Transformer
from mmdemo.model.fusion.tokens import grid_sinusoids, sinusoids

DIM, HEADS = 16, 4
CONFIG = MultimodalConfig(modalities=["image", "text"], dim=DIM, heads=HEADS, layers=2, dropout=0.0)


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


def looking(fusion: Transformer | AttentionPooling) -> Transformer | AttentionPooling:
    """Return the fusion with an answer token that looks around, and without dropout."""
    nn.init.normal_(fusion.answer)
    return fusion.eval()


def test_a_layer_equals_torchs_and_its_attention_too() -> None:
    layer = FusionLayer(DIM, HEADS, dropout=0.1).eval()
    other = reference(layer)
    tokens, mask = torch.randn(3, 7, DIM), torch.arange(7) < torch.tensor([[7], [5], [2]])
    for asked in (False, True):
        fused, attention = layer(tokens, mask[:, None], asked)
        expected = other(tokens, src_key_padding_mask=~mask)
        torch.testing.assert_close(fused[mask], expected[mask], atol=1e-5, rtol=0)
        assert (attention is not None) == asked
    normed = other.norm1(tokens)
    _, weights = other.self_attn(normed, normed, normed, ~mask, need_weights=True, average_attn_weights=False)
    torch.testing.assert_close(attention, weights, atol=1e-5, rtol=0)


def test_a_layer_of_which_the_first_token_is_wanted_gives_it_as_it_is_among_all() -> None:
    layer = FusionLayer(DIM, HEADS, dropout=0.1).eval()
    tokens, mask = torch.randn(3, 7, DIM), torch.ones(3, 1, 7).bool()
    for asked in (False, True):
        whole, attention = layer(tokens, mask, asked)
        first, same = layer(tokens, mask, asked, kept=1)
        torch.testing.assert_close(first, whole[:, :1], atol=1e-6, rtol=0)
        assert attention is None or torch.equal(attention, same)


def test_learning_may_work_out_the_answer_token_alone() -> None:
    fusion = looking(Transformer(CONFIG)).train()
    tokens, mask, modality = torch.randn(2, 6, DIM), torch.ones(2, 6, dtype=torch.bool), torch.zeros(6).long()
    rows: list[int] = []
    fusion.layers[-1].feed_forward.register_forward_pre_hook(lambda _, args: rows.append(args[0].shape[1]))
    features = []
    for fusion.answer_alone in (False, True):
        features.append(fusion(tokens, mask, modality).features)
    assert rows == [7, 1]
    torch.testing.assert_close(*features, atol=1e-5, rtol=0)


def test_learning_drops_some_of_what_the_answer_token_alone_sees() -> None:
    layer = FusionLayer(DIM, HEADS, dropout=0.5)
    nn.init.zeros_(layer.feed_forward[3].weight)
    nn.init.zeros_(layer.feed_forward[3].bias)
    tokens, mask = torch.randn(3, 7, DIM), torch.ones(3, 1, 7).bool()
    plain, dropped = (layer.train(learns)(tokens, mask, False, kept=1)[0] - tokens[:, :1] for learns in (False, True))
    rest = dropped != 0  # of the mixture itself every second value is dropped, and the others are doubled
    assert not torch.allclose(dropped[rest] / 2, plain[rest], atol=1e-3)


def test_the_order_of_tokens_without_place_does_not_matter() -> None:
    fusion = looking(Transformer(CONFIG))
    tokens, mask, modality = torch.randn(1, 6, DIM), torch.ones(1, 6, dtype=torch.bool), torch.zeros(6).long()
    one, other = (fusion(order, mask, modality).features for order in (tokens, tokens.flip(1)))
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def test_gradients_pass_both_ways_of_computing() -> None:
    fusion = looking(Transformer(CONFIG))
    tokens, mask, modality = torch.randn(2, 4, DIM, requires_grad=True), torch.ones(2, 4).bool(), torch.zeros(4).long()
    features = [fusion(tokens, mask, modality, asked).features for asked in (False, True)]
    grads = [torch.autograd.grad(each.square().sum(), tokens)[0] for each in features]
    torch.testing.assert_close(grads[0], grads[1], atol=1e-5, rtol=1e-4)


def test_in_cross_attention_tokens_look_at_the_other_modality_and_at_the_answer_token() -> None:
    modality = torch.tensor([0, 0, 1, 1, 1])
    fusion = looking(CrossAttention(CONFIG))
    attention = fusion(torch.randn(1, 5, DIM), torch.ones(1, 5).bool(), modality, return_attention=True).attention
    assert attention is not None and len(attention) == CONFIG.layers
    numbers = torch.tensor([-1, *modality])  # the answer token is of none
    may = numbers[:, None] != numbers
    may[0, 0] = True
    for layer in attention:
        assert torch.equal(layer[0] > 0, may.expand(HEADS, -1, -1))


def test_in_attention_pooling_the_answer_token_alone_looks() -> None:
    fusion = looking(AttentionPooling(CONFIG))
    output = fusion(torch.randn(2, 5, DIM), torch.ones(2, 5).bool(), torch.zeros(5).long(), return_attention=True)
    assert output.attention is not None and [layer.shape for layer in output.attention] == [(2, HEADS, 1, 6)]


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
