"""What holds for every method: shapes, targets, padding, and that it leaves nothing behind."""

import gc
import math
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmdemo import explain
from mmdemo.errors import UnknownName
from mmdemo.explain import AimedPass
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.model import MultimodalModel
from mmdemo.settings import ROOT
from mmdemo.values.layout import Layout, scores_of
from mmdemo.values.samples import Explanation, Inputs
from tests import tiny
from tests.unit.mmdemo.explain.conftest import LABELS
from tests.unit.mmdemo.model.conftest import Built

BLIND = ("attention", "rollout")  # they say the same of every label
PADDING = 3  # tokens


def close(one: Explanation, other: Explanation) -> bool:
    return np.allclose(scores_of(one), scores_of(other), atol=1e-5)


@pytest.fixture(params=list(explain.METHODS))
def method(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.slow
def test_names_of_methods(aimed: AimedPass) -> None:
    assert explain.methods_of(aimed.model) == tuple(explain.METHODS) and next(iter(explain.METHODS)) == explain.DEFAULT
    assert explain.resolve("default", aimed.model) == explain.DEFAULT
    assert explain.resolve("none", aimed.model) is None
    with pytest.raises(UnknownName, match="attention") as caught:
        explain.resolve("guess", aimed.model)
    assert "guess" in caught.value.sentence("zh")


def test_the_file_of_a_method_is_named_for_it() -> None:
    folder = Path(explain.__file__).parent / "methods"
    assert all((folder / f"{name}.py").is_file() for name in explain.METHODS)


@pytest.mark.slow
def test_maps_have_the_shape_of_what_they_explain(aimed: AimedPass, method: str) -> None:
    explanation = explain.explain(method, aimed)
    assert (explanation.method, explanation.target, explanation.against) == (method, "good", None)
    assert explanation.image and explanation.text and explanation.audio and aimed.tokens.grid
    assert explanation.image.grid == aimed.tokens.grid and np.shape(explanation.image.scores) == explanation.image.grid
    assert " ".join(token.text for token in explanation.text.tokens) == aimed.inputs.text
    assert explanation.audio.edges_s == (0.0, 0.08, 0.16, 0.24, 0.3) and len(explanation.audio.scores) == 4
    assert Layout.of(explanation) == aimed.layout
    assert all(math.isfinite(score) for score in scores_of(explanation)) and any(scores_of(explanation))


@pytest.mark.slow
def test_scores_below_zero_are_those_of_a_signed_method(aimed: AimedPass, method: str) -> None:
    explanation = [explain.explain(method, replace(aimed, target=label)) for label in LABELS]
    assert explanation[0].signed == (method not in BLIND)
    assert explanation[0].signed == (min(min(scores_of(item)) for item in explanation) < 0)


@pytest.mark.slow
def test_the_same_again_gives_the_same(aimed: AimedPass, method: str) -> None:
    assert explain.explain(method, aimed) == explain.explain(method, aimed)


@pytest.mark.parametrize("modality", ["image", "text", "audio"])
def test_absent_modalities_are_absent(built: Built, method: str, modality: str) -> None:
    explanation = explain.explain(method, tiny.passed(built, tiny.inputs(modalities=(modality,), seconds=0.3), "bad"))
    assert [name for name in ("image", "text", "audio") if getattr(explanation, name)] == [modality]


def test_padding_gets_nothing_and_changes_nothing(built: Built, method: str) -> None:
    aimed = tiny.passed(built, tiny.inputs(modalities=("text",)), "good")
    assert close(explain.explain(method, _padded(aimed)), explain.explain(method, aimed))


def _padded(aimed: AimedPass) -> AimedPass:
    """Return the pass with noise behind its tokens that nobody should see."""
    tokens = aimed.tokens
    noise = torch.randn(1, PADDING, tokens.values.shape[2])
    padded = replace(
        tokens,
        values=torch.cat([tokens.values, noise], dim=1),
        mask=F.pad(tokens.mask, (0, PADDING)),
        spans={"text": (0, tokens.values.shape[1] + PADDING)},
    )
    with torch.inference_mode():
        output = aimed.model.fuse(padded, return_attention=True)
    # Where padding stood in the caption is nowhere; were it somewhere, its score would be added to a word's.
    encoded = replace(aimed.encoded, spans=((*aimed.encoded.spans[0], *[(0, 3)] * PADDING),))
    return replace(aimed, output=output, encoded=encoded)


@pytest.mark.slow
def test_two_labels_against_each_other_say_the_opposite(aimed: AimedPass, method: str) -> None:
    one = explain.explain(method, replace(aimed, target="good", against="bad"))
    other = explain.explain(method, replace(aimed, target="bad", against="good"))
    assert (one.target, one.against) == ("good", "bad")
    sign = 1 if method in BLIND else -1
    assert np.allclose(scores_of(one), [sign * score for score in scores_of(other)], atol=1e-5)
    assert close(one, explain.explain(method, aimed)) == (method in BLIND)


@pytest.mark.slow
def test_all_cheap_methods_for_all_labels_at_once_are_what_each_says_alone(aimed: AimedPass) -> None:
    explanation = explain.every(aimed, [ExplanationTarget(label) for label in LABELS])
    assert set(explanation) == set(explain.METHODS) - set(explain.SLOW)
    for method, maps in explanation.items():
        for label, explained in zip(LABELS, maps, strict=True):
            assert explained.target == label and close(explained, explain.explain(method, replace(aimed, target=label)))


@pytest.mark.parametrize(
    "inputs",
    [
        Inputs(text="dog"),
        Inputs(text="🙂"),
        Inputs(text="\u200b"),
        Inputs(np.zeros((1, 1, 3), np.uint8), "the dog"),
        Inputs(np.zeros((2, 900, 3), np.uint8)),
        Inputs(text="the dog is smiling " * 500),
        Inputs(text="الكلب a \u202edog\u202c"),
    ],
    ids=["one word", "one emoji", "nothing to see", "one pixel", "a line", "very long", "right to left"],
)
def test_extremes_are_explained_too(built: Built, method: str, inputs: Inputs) -> None:
    explanation = explain.explain(method, tiny.passed(built, inputs, "good"))
    assert all(math.isfinite(score) for score in scores_of(explanation))
    tokens = explanation.text.tokens if explanation.text else ()
    assert all((inputs.text or "")[token.start : token.end] == token.text for token in tokens)


@pytest.mark.slow
def test_a_model_is_left_as_it_was(aimed: AimedPass, method: str) -> None:
    before = _state(aimed.model)
    explain.explain(method, aimed)
    if method not in BLIND:
        with pytest.raises(ValueError, match="nonsense"):
            explain.explain(method, replace(aimed, target="nonsense"))
    broken = replace(aimed, output=replace(aimed.output, tokens=None, logits=None, attention=None))
    with pytest.raises((AssertionError, TypeError)):
        explain.explain(method, broken)
    after = _state(aimed.model)
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def _state(model: MultimodalModel) -> dict[str, torch.Tensor]:
    """Return copies of the weights; there are no gradients on them, no hooks, and nothing is in training."""
    assert all(weight.grad is None and weight.requires_grad for weight in model.parameters())
    for module in model.modules():
        hooks = [value for name, value in vars(module).items() if name.endswith("_hooks") and value]
        assert not hooks and not module.training
    return {name: value.clone() for name, value in model.state_dict().items()}


@pytest.mark.slow
def test_nothing_stays_in_memory(aimed: AimedPass) -> None:
    explain.every(aimed, [ExplanationTarget("good")])
    before = sum(1 for _ in _tensors())
    for _ in range(5):
        explain.every(aimed, [ExplanationTarget("good")])
    assert sum(1 for _ in _tensors()) == before


def _tensors() -> Iterator[torch.Tensor]:
    gc.collect()
    return (item for item in gc.get_objects() if isinstance(item, torch.Tensor))


@pytest.mark.slow
def test_many_at_a_time_say_what_each_says_alone(built: Built) -> None:
    passes = [tiny.passed(built, tiny.inputs(seed, seconds=0.3), "good") for seed in range(4)]
    wanted = [(method, aimed) for aimed in passes for method in explain.methods_of(built[0])]
    alone = [explain.explain(method, aimed) for method, aimed in wanted]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pair: explain.explain(*pair), wanted))
        odds = list(pool.map(lambda aimed: _logits(aimed), passes * 4))
    assert together == alone
    assert all(torch.equal(logits, aimed.output.logits) for logits, aimed in zip(odds, passes * 4, strict=True))


def _logits(aimed: AimedPass) -> torch.Tensor:
    with torch.inference_mode():
        return aimed.model(aimed.encoded.batch, return_attention=True).logits


@pytest.mark.slow
def test_the_pages_table_of_methods_is_the_registry(aimed: AimedPass) -> None:
    page = (ROOT / "docs" / "explanations.md").read_text("utf-8")
    table = re.findall(r"^\| `(\w+)` \| .* \| (yes|no) \| .* \|$", page, re.M)
    signed = {method: explain.explain(method, aimed).signed for method in explain.METHODS}
    assert table == [(method, "yes" if sign else "no") for method, sign in signed.items()]
    assert re.findall(r"^- \*\*`(\w+)`\*\*: ", page, re.M) == list(explain.METHODS)
