"""Judges say what the whole model says of the changed sample, however few passes they need for it."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mmdemo import explain
from mmdemo.explain import Pass, deletion
from mmdemo.explain.deletion import Unit, units
from mmdemo.explain.judges import AtTokens, InInput
from mmdemo.samples import Explanation, Inputs
from mmdemo.scaling import Scaling
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

SCALING = Scaling(1.7, 0.4)


@pytest.fixture(scope="module")
def seen(built: Built) -> Pass:
    """One sample of all modalities behind its pass."""
    whole = tiny.inputs(seconds=0.3)
    return tiny.passed(built, Inputs(whole.image, "the dog smiling at cats", whole.audio), "good")


@pytest.fixture(scope="module")
def explained(seen: Pass) -> Explanation:
    return explain.explain("attention", seen)


def asked(explained: Explanation) -> list[list[Unit]]:
    """Return groups of units of one modality, of several, of none and of all."""
    every = list(units(explained))
    words = [unit for unit in every if unit.modality == "text"]
    cells = [unit for unit in every if unit.modality == "image"]
    return [[], words[:1], cells[1:3], [words[1], cells[0], every[-1]], words, cells, every]


def probability(seen: Pass, inputs: Inputs) -> float:
    with torch.inference_mode():
        logits = seen.model(seen.processor([inputs]).batch).logits
    return float(seen.model.head.probabilities(SCALING(logits))[0, 1])


def test_a_judge_of_the_input_says_what_the_whole_model_says(seen: Pass, explained: Explanation) -> None:
    small = InInput(replace(seen, scaling=SCALING), explained)
    groups = asked(explained)
    assert seen.processor.image and seen.inputs.image is not None
    image = seen.processor.image.squash(seen.inputs.image)
    whole = Inputs(image, seen.inputs.text, seen.inputs.audio)
    expected = [probability(seen, deletion.without(whole, explained, group)) for group in groups]
    assert small(groups) == pytest.approx(expected, abs=1e-5)
    assert len(set(expected)) == len(groups)


@pytest.mark.parametrize("judge", [InInput, AtTokens])
def test_against_another_label_it_is_the_probability_out_of_the_two(
    seen: Pass, explained: Explanation, judge: type[InInput]
) -> None:
    groups = asked(explained)
    one, other, rather, opposite = (
        judge(replace(seen, target=target, against=against), explained)(groups)
        for target, against in [("good", None), ("bad", None), ("good", "bad"), ("bad", "good")]
    )
    assert rather == pytest.approx(one / (one + other)) and rather + opposite == pytest.approx(np.ones(len(groups)))


def test_a_picture_may_be_blurred_before_or_after_it_is_squashed(seen: Pass, explained: Explanation) -> None:
    cells = [unit for unit in units(explained) if unit.modality == "image"][:2]
    large = probability(seen, deletion.without(seen.inputs, explained, cells))
    assert InInput(replace(seen, scaling=SCALING), explained)([cells])[0] == pytest.approx(large, abs=0.01)


def test_encoders_read_a_state_of_a_modality_once(seen: Pass, explained: Explanation) -> None:
    read: list[int] = []
    watched = seen.model.encoders["image"].register_forward_hook(lambda *given: read.append(len(given[1][0])))
    every = units(explained)
    words, cell = [unit for unit in every if unit.modality == "text"], every[0]
    judge = InInput(seen, explained)
    try:
        judge([[word] for word in words])
        assert read == []  # of the whole picture it is known from the pass
        judge([[cell, word] for word in words] + [[cell], [cell]])
        assert read == [1]
    finally:
        watched.remove()


def masked(seen: Pass, hidden: Collection[int]) -> float:
    assert seen.output.tokens is not None
    mask = seen.output.tokens.mask.clone()
    mask[0, list(hidden)] = False
    tokens = type(seen.output.tokens)(
        seen.output.tokens.values, mask, seen.output.tokens.spans, seen.output.tokens.grid
    )
    with torch.inference_mode():
        logits = seen.model.fuse(tokens).logits
    assert logits is not None
    return float(seen.model.head.probabilities(logits)[0, 1])


def test_a_judge_at_the_tokens_masks_those_of_the_unit(seen: Pass, explained: Explanation) -> None:
    assert seen.output.tokens is not None
    text, sound = (seen.output.tokens.spans[name][0] for name in ("text", "audio"))
    groups = [[Unit("image", 2, 0.0)], [Unit("text", 2, 0.0)], [Unit("audio", 1, 0.0)], units(explained)]
    smiling = [text + 3, text + 4]  # behind [CLS], the and dog: smil and ##ing
    tokens = range(seen.output.tokens.mask.shape[1])
    expected = [masked(seen, hidden) for hidden in ([2], smiling, [sound + 1], tokens)]
    assert AtTokens(seen, explained)(groups) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("judge", [InInput, AtTokens])
def test_a_caption_alone_that_loses_all_words_is_still_judged(seen: Pass, judge: type[InInput]) -> None:
    alone = tiny.passed((seen.model, seen.processor), Inputs(text="the dog"), "bad")
    explained = explain.explain("attention", alone)
    found = judge(alone, explained)([[], units(explained)])
    assert np.isfinite(found).all() and ((found > 0) & (found < 1)).all() and found[0] != found[1]


def test_the_model_is_left_as_it_was(seen: Pass, explained: Explanation) -> None:
    before = {name: value.clone() for name, value in seen.model.state_dict().items()}
    InInput(seen, explained)(asked(explained))
    AtTokens(seen, explained)(asked(explained))
    assert all(torch.equal(value, before[name]) for name, value in seen.model.state_dict().items())
    assert not any(module._forward_hooks for module in seen.model.modules() if isinstance(module, nn.Module))
