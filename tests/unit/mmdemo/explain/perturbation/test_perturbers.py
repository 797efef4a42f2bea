"""Judges say what the whole model says of the changed sample, however few passes they need for it."""

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from mmdemo.explain import AimedPass
from mmdemo.explain.perturbation import deletion
from mmdemo.explain.perturbation.perturbers import InputPerturber, TokenMasker
from mmdemo.values.samples import Inputs
from mmdemo.versions.temperature_scaling import TemperatureScaling
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

SCALING = TemperatureScaling(1.7, 0.4)


@pytest.fixture(scope="module")
def aimed(built: Built) -> AimedPass:
    """One sample of all modalities behind its pass."""
    whole = tiny.inputs(seconds=0.3)
    return tiny.passed(built, Inputs(whole.image, "the dog smiling at cats", whole.audio), "good")


def groups_of(aimed: AimedPass) -> list[Sequence[int]]:
    """Return groups of units of one modality, of several, of none and of all."""
    regions, words, moments = aimed.layout.units.values()
    return [
        [],
        words[:1],
        regions[1:3],
        [words[1], regions[0], moments[-1]],
        words,
        regions,
        [*regions, *words, *moments],
    ]


def probability(aimed: AimedPass, inputs: Inputs) -> float:
    with torch.inference_mode():
        logits = aimed.model(aimed.processor([inputs]).batch).logits
    return float(aimed.model.head.probabilities(SCALING(logits))[0, 1])


def test_a_judge_of_the_input_says_what_the_whole_model_says(aimed: AimedPass) -> None:
    small = InputPerturber(replace(aimed, scaling=SCALING))
    groups = groups_of(aimed)
    assert aimed.processor.image and aimed.inputs.image is not None
    image = aimed.processor.image.squash(aimed.inputs.image)
    whole = Inputs(image, aimed.inputs.text, aimed.inputs.audio)
    expected = [probability(aimed, deletion.without(whole, aimed.layout, group)) for group in groups]
    assert small(groups) == pytest.approx(expected, abs=1e-5)
    assert len(set(expected)) == len(groups)


@pytest.mark.parametrize("perturber_type", [InputPerturber, TokenMasker])
def test_against_another_label_it_is_the_probability_out_of_the_two(
    aimed: AimedPass, perturber_type: type[InputPerturber]
) -> None:
    groups = groups_of(aimed)
    one, other, rather, opposite = (
        perturber_type(replace(aimed, target=target, against=against))(groups)
        for target, against in [("good", None), ("bad", None), ("good", "bad"), ("bad", "good")]
    )
    assert rather == pytest.approx(one / (one + other)) and rather + opposite == pytest.approx(np.ones(len(groups)))


def test_a_picture_may_be_blurred_before_or_after_it_is_squashed(aimed: AimedPass) -> None:
    regions = aimed.layout.units["image"][:2]
    large = probability(aimed, deletion.without(aimed.inputs, aimed.layout, regions))
    assert InputPerturber(replace(aimed, scaling=SCALING))([regions])[0] == pytest.approx(large, abs=0.01)


def test_encoders_read_a_state_of_a_modality_once(aimed: AimedPass) -> None:
    read: list[int] = []
    watched = aimed.model.encoders["image"].register_forward_hook(lambda *arguments: read.append(len(arguments[1][0])))
    words, region = aimed.layout.units["text"], aimed.layout.units["image"][0]
    perturber = InputPerturber(aimed)
    try:
        perturber([[word] for word in words])
        assert read == []  # of the whole picture it is known from the pass
        perturber([[region, word] for word in words] + [[region], [region]])
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


def test_a_judge_at_the_tokens_masks_those_of_the_unit(aimed: AimedPass) -> None:
    assert aimed.output.tokens is not None
    text, sound = (aimed.output.tokens.spans[name][0] for name in ("text", "audio"))
    units = aimed.layout.units
    groups = [[units["image"][2]], [units["text"][2]], [units["audio"][1]], range(len(aimed.layout))]
    smiling = [text + 3, text + 4]  # behind [CLS], the and dog: smil and ##ing
    tokens = range(aimed.output.tokens.mask.shape[1])
    expected = [masked(aimed, hidden) for hidden in ([2], smiling, [sound + 1], tokens)]
    assert TokenMasker(aimed)(groups) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("perturber_type", [InputPerturber, TokenMasker])
def test_a_caption_alone_that_loses_all_words_is_still_judged(
    aimed: AimedPass, perturber_type: type[InputPerturber]
) -> None:
    alone = tiny.passed((aimed.model, aimed.processor), Inputs(text="the dog"), "bad")
    probabilities = perturber_type(alone)([[], range(2)])
    assert (
        np.isfinite(probabilities).all()
        and ((probabilities > 0) & (probabilities < 1)).all()
        and probabilities[0] != probabilities[1]
    )


def test_the_model_is_left_as_it_was(aimed: AimedPass) -> None:
    before = {name: value.clone() for name, value in aimed.model.state_dict().items()}
    InputPerturber(aimed)(groups_of(aimed))
    TokenMasker(aimed)(groups_of(aimed))
    assert all(torch.equal(value, before[name]) for name, value in aimed.model.state_dict().items())
    assert not any(module._forward_hooks for module in aimed.model.modules() if isinstance(module, nn.Module))
