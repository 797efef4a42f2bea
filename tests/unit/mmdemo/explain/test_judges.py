"""Judges say what the whole model says of the changed sample, however few passes they need for it."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mmdemo import explain
from mmdemo.explain import AimedPass, deletion
from mmdemo.explain.deletion import Unit, units
from mmdemo.explain.judges import InputPerturber, TokenMasker
from mmdemo.samples import Explanation, Inputs
from mmdemo.scaling import TemperatureScaling
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

SCALING = TemperatureScaling(1.7, 0.4)


@pytest.fixture(scope="module")
def aimed(built: Built) -> AimedPass:
    """One sample of all modalities behind its pass."""
    whole = tiny.inputs(seconds=0.3)
    return tiny.passed(built, Inputs(whole.image, "the dog smiling at cats", whole.audio), "good")


@pytest.fixture(scope="module")
def explained(aimed: AimedPass) -> Explanation:
    return explain.explain("attention", aimed)


def asked(explained: Explanation) -> list[list[Unit]]:
    """Return groups of units of one modality, of several, of none and of all."""
    every = list(units(explained))
    words = [unit for unit in every if unit.modality == "text"]
    cells = [unit for unit in every if unit.modality == "image"]
    return [[], words[:1], cells[1:3], [words[1], cells[0], every[-1]], words, cells, every]


def probability(aimed: AimedPass, inputs: Inputs) -> float:
    with torch.inference_mode():
        logits = aimed.model(aimed.processor([inputs]).batch).logits
    return float(aimed.model.head.probabilities(SCALING(logits))[0, 1])


def test_a_judge_of_the_input_says_what_the_whole_model_says(aimed: AimedPass, explained: Explanation) -> None:
    small = InputPerturber(replace(aimed, scaling=SCALING), explained)
    groups = asked(explained)
    assert aimed.processor.image and aimed.inputs.image is not None
    image = aimed.processor.image.squash(aimed.inputs.image)
    whole = Inputs(image, aimed.inputs.text, aimed.inputs.audio)
    expected = [probability(aimed, deletion.without(whole, explained, group)) for group in groups]
    assert small(groups) == pytest.approx(expected, abs=1e-5)
    assert len(set(expected)) == len(groups)


@pytest.mark.parametrize("judge", [InputPerturber, TokenMasker])
def test_against_another_label_it_is_the_probability_out_of_the_two(
    aimed: AimedPass, explained: Explanation, judge: type[InputPerturber]
) -> None:
    groups = asked(explained)
    one, other, rather, opposite = (
        judge(replace(aimed, target=target, against=against), explained)(groups)
        for target, against in [("good", None), ("bad", None), ("good", "bad"), ("bad", "good")]
    )
    assert rather == pytest.approx(one / (one + other)) and rather + opposite == pytest.approx(np.ones(len(groups)))


def test_a_picture_may_be_blurred_before_or_after_it_is_squashed(aimed: AimedPass, explained: Explanation) -> None:
    cells = [unit for unit in units(explained) if unit.modality == "image"][:2]
    large = probability(aimed, deletion.without(aimed.inputs, explained, cells))
    assert InputPerturber(replace(aimed, scaling=SCALING), explained)([cells])[0] == pytest.approx(large, abs=0.01)


def test_encoders_read_a_state_of_a_modality_once(aimed: AimedPass, explained: Explanation) -> None:
    read: list[int] = []
    watched = aimed.model.encoders["image"].register_forward_hook(lambda *given: read.append(len(given[1][0])))
    every = units(explained)
    words, cell = [unit for unit in every if unit.modality == "text"], every[0]
    judge = InputPerturber(aimed, explained)
    try:
        judge([[word] for word in words])
        assert read == []  # of the whole picture it is known from the pass
        judge([[cell, word] for word in words] + [[cell], [cell]])
        assert read == [1]
    finally:
        watched.remove()


def masked(aimed: AimedPass, hidden: Collection[int]) -> float:
    assert aimed.output.tokens is not None
    mask = aimed.output.tokens.mask.clone()
    mask[0, list(hidden)] = False
    tokens = type(aimed.output.tokens)(
        aimed.output.tokens.values, mask, aimed.output.tokens.spans, aimed.output.tokens.grid
    )
    with torch.inference_mode():
        logits = aimed.model.fuse(tokens).logits
    assert logits is not None
    return float(aimed.model.head.probabilities(logits)[0, 1])


def test_a_judge_at_the_tokens_masks_those_of_the_unit(aimed: AimedPass, explained: Explanation) -> None:
    assert aimed.output.tokens is not None
    text, sound = (aimed.output.tokens.spans[name][0] for name in ("text", "audio"))
    groups = [[Unit("image", 2, 0.0)], [Unit("text", 2, 0.0)], [Unit("audio", 1, 0.0)], units(explained)]
    smiling = [text + 3, text + 4]  # behind [CLS], the and dog: smil and ##ing
    tokens = range(aimed.output.tokens.mask.shape[1])
    expected = [masked(aimed, hidden) for hidden in ([2], smiling, [sound + 1], tokens)]
    assert TokenMasker(aimed, explained)(groups) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("judge", [InputPerturber, TokenMasker])
def test_a_caption_alone_that_loses_all_words_is_still_judged(aimed: AimedPass, judge: type[InputPerturber]) -> None:
    alone = tiny.passed((aimed.model, aimed.processor), Inputs(text="the dog"), "bad")
    explained = explain.explain("attention", alone)
    found = judge(alone, explained)([[], units(explained)])
    assert np.isfinite(found).all() and ((found > 0) & (found < 1)).all() and found[0] != found[1]


def test_the_model_is_left_as_it_was(aimed: AimedPass, explained: Explanation) -> None:
    before = {name: value.clone() for name, value in aimed.model.state_dict().items()}
    InputPerturber(aimed, explained)(asked(explained))
    TokenMasker(aimed, explained)(asked(explained))
    assert all(torch.equal(value, before[name]) for name, value in aimed.model.state_dict().items())
    assert not any(module._forward_hooks for module in aimed.model.modules() if isinstance(module, nn.Module))
