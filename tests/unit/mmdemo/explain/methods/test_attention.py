"""Attention, planted where we know it: each score arrives where its token came from."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from mmdemo import explain
from mmdemo.explain import AimedPass
from mmdemo.values.layout import scores_of
from mmdemo.values.samples import Explanation, Inputs
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built

CAPTION = "the dog smiling 🙂"
PIECES = ["the", "dog", "smil", "ing", "🙂"]


@pytest.fixture(scope="module")
def aimed(built: Built) -> AimedPass:
    """One sample of all modalities behind its pass."""
    inputs = Inputs(tiny.inputs().image, CAPTION, tiny.inputs(seconds=0.3).audio)
    return tiny.passed(built, inputs, "good")


def attending(aimed: AimedPass, planted: Tensor) -> AimedPass:
    """Return the pass with another attention in its last layer."""
    assert aimed.output.attention is not None
    return replace(aimed, output=replace(aimed.output, attention=(aimed.output.attention[0], planted)))


def looked(aimed: AimedPass, modality: str, place: int, head: int | None = None) -> Explanation:
    """Return the explanation where the answer token looks at one token alone: the `place`th of a modality."""
    assert aimed.output.attention is not None
    token = 1 + aimed.tokens.spans[modality][0] + place
    planted = torch.zeros_like(aimed.output.attention[-1])
    planted[0, :, 0, 0] = 0.5  # and at itself, which is no input
    planted[0, slice(None) if head is None else head, 0, token] = 0.5
    return explain.explain("attention", attending(aimed, planted))


def total(explanation: Explanation) -> float:
    return sum(scores_of(explanation))


def test_scores_are_not_negative_and_sum_to_one_over_all_modalities(aimed: AimedPass) -> None:
    explanation = explain.explain("attention", aimed)
    assert explanation.method == "attention" and explanation.target == "good"
    assert total(explanation) == pytest.approx(1, abs=1e-5)
    assert explanation.image and min(map(min, explanation.image.scores)) >= 0


def test_scores_are_the_last_layers_mean_over_heads(aimed: AimedPass) -> None:
    assert aimed.output.attention is not None
    row = aimed.output.attention[-1][0].mean(dim=0)[0, 1:]
    explanation = explain.explain("attention", aimed)
    assert explanation.image is not None
    torch.testing.assert_close(torch.tensor(explanation.image.scores).flatten(), row[:4] / row.sum())


@pytest.mark.parametrize("place", range(4))
def test_a_look_at_one_region_lights_that_cell(aimed: AimedPass, place: int) -> None:
    explanation = looked(aimed, "image", place)
    assert explanation.image is not None and explanation.image.grid == (2, 2)
    assert explanation.image.scores[place // 2][place % 2] == 1 and total(explanation) == 1


@pytest.mark.parametrize("place", range(len(PIECES)))
def test_a_look_at_one_piece_lights_its_word(aimed: AimedPass, place: int) -> None:
    explanation = looked(aimed, "text", place + 1)  # behind the [CLS] mark
    assert explanation.text is not None
    lit = [token for token in explanation.text.tokens if token.score > 0]
    word = {"smil": "smiling", "ing": "smiling"}.get(PIECES[place], PIECES[place])
    assert [(token.text, token.score) for token in lit] == [(word, 1)]
    assert [token.text for token in explanation.text.tokens] == ["the", "dog", "smiling", "🙂"]
    assert all(CAPTION[token.start : token.end] == token.text for token in explanation.text.tokens)


def test_a_look_at_one_of_two_equal_words_lights_that_one(built: Built) -> None:
    explanation = looked(tiny.passed(built, replace(tiny.inputs(), text="the dog the dog"), "good"), "text", 4)
    assert explanation.text is not None
    assert [token.score for token in explanation.text.tokens] == [0, 0, 0, 1]


def test_a_look_at_one_moment_lights_that_stretch(aimed: AimedPass) -> None:
    explanation = looked(aimed, "audio", 2)
    assert explanation.audio is not None
    assert explanation.audio.edges_s == (0.0, 0.08, 0.16, 0.24, 0.3) and explanation.audio.scores == (0, 0, 1, 0)


def test_one_head_of_four_is_enough_to_be_seen(aimed: AimedPass) -> None:
    explanation = looked(aimed, "image", 3, head=1)
    assert explanation.image is not None and explanation.image.scores[1][1] == 1


def test_a_look_at_nothing_but_itself_gives_zeros(aimed: AimedPass) -> None:
    assert aimed.output.attention is not None
    planted = torch.zeros_like(aimed.output.attention[-1])
    planted[0, :, 0, 0] = 1.0
    assert total(explain.explain("attention", attending(aimed, planted))) == 0
