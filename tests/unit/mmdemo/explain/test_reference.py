"""Each method equals its equation, calculated slowly and plainly; attention equals what PyTorch's own module says."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from mmdemo import explain
from mmdemo.explain import AimedPass
from mmdemo.explain.methods.masking import AT_ONCE
from mmdemo.explain.perturbation import deletion
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.explain.targets.labels import log_odds
from mmdemo.model import MultimodalModel
from mmdemo.values.layout import scores_of
from mmdemo.values.samples import Explanation
from tests import tiny
from tests.unit.mmdemo.explain.conftest import LABELS
from tests.unit.mmdemo.model.conftest import Built

ATTENDING = ("attention", "cross_attention", "transformer")
WHY = ExplanationTarget("good")


def per_token(scores: Explanation) -> Tensor:
    """Return the scores (tokens,) of a sample whose tokens are one word each, or regions, or moments."""
    return torch.tensor(scores_of(scores))


@pytest.fixture(scope="module")
def plain(built: Built) -> AimedPass:
    """A sample without a caption: each of its tokens is a region or a moment."""
    return tiny.passed(built, tiny.inputs(modalities=("image", "audio"), seconds=0.4), "good")


@pytest.fixture(scope="module", params=ATTENDING)
def attended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AimedPass:
    """A sample behind the pass of each fusion that attends."""
    folder = tmp_path_factory.mktemp("attending")
    task = tiny.task(folder)
    torch.manual_seed(0)
    built = MultimodalModel.build(replace(task, fusion={**task.fusion, "type": request.param}), tiny.starts(folder))
    nn.init.normal_(built[0].fusion.answer)
    built[0].eval()
    return tiny.passed(built, tiny.inputs(seconds=0.3), "good")


def test_attention_equals_an_eager_recomputation(attended: AimedPass) -> None:
    fusion, attention = attended.model.fusion, attended.output.attention
    answer = fusion.answer.expand(1, 1, -1)
    tokens = torch.cat([answer, attended.tokens.values.clone()], dim=1)
    mask = nn.functional.pad(attended.tokens.mask.clone(), (1, 0), value=True)
    with torch.no_grad():
        for weights, expected in zip(attention, _eager(fusion, tokens, mask, attended), strict=True):
            torch.testing.assert_close(weights.clone(), expected, atol=1e-5, rtol=0)


def _eager(fusion: nn.Module, tokens: Tensor, mask: Tensor, aimed: AimedPass) -> list[Tensor]:
    """Return each layer's attention (1, heads, looking, 1 + tokens), as nn.MultiheadAttention calculates it."""
    if hasattr(fusion, "attention"):
        normed = fusion.attention_norm(tokens)
        return [_weights(fusion.attention, normed[:, :1], normed, ~mask)]
    modality = nn.functional.pad(aimed.tokens.modality(aimed.model.config.modalities), (1, 0), value=-1)
    hidden = ~fusion.attention_mask(mask, modality).expand(-1, tokens.shape[1], -1)[0]  # (1 + tokens, 1 + tokens)
    weights = []
    for layer in fusion.layers:
        module = nn.MultiheadAttention(tokens.shape[2], layer.heads, batch_first=True)
        module.in_proj_weight, module.in_proj_bias = layer.query_key_value.weight, layer.query_key_value.bias
        normed = layer.attention_norm(tokens)
        weights.append(_weights(module, normed, normed, None, hidden))
        tokens = layer(tokens, ~hidden[None], return_attention=False)[0]
    return weights


def _weights(module: nn.Module, looking: Tensor, at: Tensor, padding: Tensor | None, hidden: Tensor | None = None):
    return module(looking, at, at, padding, need_weights=True, attn_mask=hidden, average_attn_weights=False)[1]


def test_attention_pooling_answers_as_pytorchs_module_does(attended: AimedPass) -> None:
    fusion = attended.model.fusion
    if not hasattr(fusion, "attention"):
        return
    with torch.no_grad():
        tokens = torch.cat([fusion.answer.expand(1, 1, -1), attended.tokens.values.clone()], dim=1)
        normed = fusion.attention_norm(tokens)
        hidden = ~nn.functional.pad(attended.tokens.mask.clone(), (1, 0), value=True)
        features = tokens[:, 0] + fusion.attention(normed[:, :1], normed, normed, hidden)[0][:, 0]
        features = fusion.norm(features + fusion.feed_forward(fusion.forward_norm(features)))
    torch.testing.assert_close(attended.output.features.clone(), features, atol=1e-5, rtol=0)


def raw(method: str, aimed: AimedPass) -> Explanation:
    """Return a map on the method's own scale."""
    return explain.METHODS[method](aimed, [aimed.explanation_target])[0]


def test_relevance_has_its_declared_sum(attended: AimedPass) -> None:
    scores = per_token(raw("relevance", attended))
    assert scores.abs().sum() == pytest.approx(1, abs=1e-5)


def test_relevance_is_the_papers_product_of_matrices_for_the_label_less_that_against_it(plain: AimedPass) -> None:
    with torch.inference_mode(False), torch.enable_grad():
        values = plain.tokens.values.clone().requires_grad_()
        output = plain.model.fuse(
            replace(plain.tokens, values=values, mask=plain.tokens.mask.clone()), None, None, True
        )
        others = torch.cat([output.logits[0, :1], output.logits[0, 2:]])
        slopes = torch.autograd.grad(output.logits[0, 1] - others.logsumexp(dim=0), output.attention)
    rows = []
    for sign in (1, -1):
        relevance = torch.eye(1 + values.shape[1])
        for layer, slope in zip(output.attention, slopes, strict=True):
            mean = (sign * slope[0] * layer[0].detach()).clamp(min=0).mean(dim=0)  # equation 5
            relevance = relevance + mean @ relevance  # equation 6
        rows.append(relevance[0, 1:])
    expected = rows[0] - rows[1]
    scores = per_token(raw("relevance", plain))
    torch.testing.assert_close(scores, expected / expected.abs().sum(), atol=1e-5, rtol=0)


def test_rollout_is_the_product_of_the_layers(plain: AimedPass) -> None:
    n = plain.tokens.mask.shape[1]
    product = torch.eye(1 + n)
    for layer in plain.output.attention:
        product = (0.5 * layer[0].mean(dim=0) + 0.5 * torch.eye(1 + n)) @ product
    expected = product[0, 1:] / product[0, 1:].sum()
    torch.testing.assert_close(per_token(explain.explain("rollout", plain)), expected)


def test_where_the_answer_token_looks_once_rollout_is_attention(attended: AimedPass) -> None:
    if len(attended.output.attention) > 1:
        return
    rolled, looked = (per_token(explain.explain(name, attended)) for name in ("rollout", "attention"))
    torch.testing.assert_close(rolled, looked)


def test_masking_is_what_the_fusion_says_without_each_token(built: Built) -> None:
    aimed = tiny.passed(built, tiny.inputs(modalities=("audio",), seconds=3.3), "good")
    n = aimed.tokens.mask.shape[1]
    assert n > AT_ONCE
    expected = []
    for token in range(n):
        mask = aimed.tokens.mask.clone()
        mask[0, token] = False
        with torch.inference_mode():
            without = aimed.model.fuse(replace(aimed.tokens, mask=mask))
        expected.append(aimed.log_odds(aimed.output, [WHY]) - aimed.log_odds(without, [WHY]))
    torch.testing.assert_close(per_token(raw("masking", aimed)), torch.cat(expected)[:, 0], atol=1e-5, rtol=0)


def test_integrated_gradients_sum_to_what_the_tokens_change(plain: AimedPass) -> None:
    with torch.inference_mode():
        nothing = plain.model.fuse(replace(plain.tokens, values=plain.model.empty(plain.tokens)))
    changed = plain.log_odds(plain.output, [WHY]) - plain.log_odds(nothing, [WHY])
    scores = per_token(explain.explain("integrated_gradients", plain)).sum()
    assert scores == pytest.approx(changed.item(), rel=0.05)


def test_occlusion_is_what_the_model_says_of_each_changed_sample(built: Built, aimed: AimedPass) -> None:
    explanation = explain.explain("occlusion", aimed)
    whole = aimed.log_odds(aimed.output, [WHY])
    for unit, score in enumerate(scores_of(explanation)):
        changed = tiny.passed(built, deletion.without(aimed.inputs, aimed.layout, [unit]), "good")
        expected = whole - changed.log_odds(changed.output, [WHY])
        assert score == pytest.approx(expected.item(), abs=1e-5)


def test_log_odds_are_the_logarithm_of_the_odds() -> None:
    logits = torch.randn(4, 3, dtype=torch.float64)
    p = logits.softmax(dim=1)
    asked = [ExplanationTarget("good"), ExplanationTarget("bad", "odd")]
    expected = torch.stack([(p[:, 1] / (1 - p[:, 1])).log(), (p[:, 0] / p[:, 2]).log()], dim=1)
    torch.testing.assert_close(log_odds(logits, LABELS, asked), expected)
