"""What met what equals the fusion's attention, merged by hand from tokens to cells, words and moments."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from mmdemo.explain import AimedPass
from mmdemo.explain.analysis import STEPS, interaction, met_of
from mmdemo.model import MultimodalModel
from mmdemo.values.samples import Inputs
from tests import tiny

CAPTION = "the dog smiling 🙂"  # pieces: [CLS] the dog smil ##ing 🙂 [SEP]
WORDS = [(1,), (2,), (3, 4), (5,)]  # the pieces of each word
CELLS, MOMENTS = 4, 4


@pytest.fixture(scope="module")
def aimed(tmp_path_factory: pytest.TempPathFactory) -> AimedPass:
    """One sample of all modalities behind its pass."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    model, processor = MultimodalModel.build(tiny.task(folder), tiny.starts(folder))
    inputs = Inputs(tiny.inputs().image, CAPTION, tiny.inputs(seconds=0.3).audio)
    encoded = processor([inputs])
    with torch.no_grad():
        output = model.eval()(encoded.batch, return_attention=True)
    return AimedPass(model, processor, inputs, encoded, output, "good")


def tokens_of_units(aimed: AimedPass) -> list[list[int]]:
    """The places in the attention of each unit's tokens, behind the answer token."""
    assert aimed.output.tokens is not None
    spans = aimed.output.tokens.spans
    image, text, audio = (1 + spans[name][0] for name in ("image", "text", "audio"))
    words = [[text + piece for piece in pieces] for pieces in WORDS]
    return [[image + cell] for cell in range(CELLS)] + words + [[audio + moment] for moment in range(MOMENTS)]


def weights(stored: bytes, *shape: int) -> np.ndarray:
    return (np.frombuffer(stored, np.uint8).reshape(shape) / STEPS) ** 2


def test_what_met_equals_the_attention_merged_by_hand(aimed: AimedPass) -> None:
    meetings = interaction(aimed)
    assert meetings is not None and aimed.output.attention is not None
    units = tokens_of_units(aimed)
    assert (meetings.layers, meetings.heads, meetings.units) == (2, 4, len(units))
    met = weights(meetings.met, meetings.layers, meetings.heads, meetings.units, meetings.units)
    for layer, attention in enumerate(aimed.output.attention):
        for head, table in enumerate(attention[0].numpy()):
            looked = [[np.mean([sum(table[a, b] for b in to) for a in of]) for to in units] for of in units]
            wanted = (np.array(looked) + np.transpose(looked)) / 2
            np.testing.assert_allclose(np.sqrt(met[layer, head]), np.sqrt(wanted), atol=0.5 / STEPS + 1e-6)


def test_the_answers_own_look_is_summed_over_a_words_pieces(aimed: AimedPass) -> None:
    meetings = interaction(aimed)
    assert meetings is not None and aimed.output.attention is not None
    answer = weights(meetings.answer, meetings.layers, meetings.heads, meetings.units)
    wanted = [[[row[0, unit].sum() for unit in tokens_of_units(aimed)] for row in a[0]] for a in aimed.output.attention]
    np.testing.assert_allclose(np.sqrt(answer), np.sqrt(wanted), atol=0.5 / STEPS + 1e-6)


def test_padding_belongs_to_nobody(aimed: AimedPass) -> None:
    assert aimed.output.tokens is not None
    mask = aimed.output.tokens.mask.clone()
    mask[:, -1] = False  # the last moment
    padded = replace(
        aimed, output=type(aimed.output)(**{**aimed.output, "tokens": replace(aimed.output.tokens, mask=mask)})
    )
    meetings = interaction(padded)
    assert meetings is not None
    met = weights(meetings.met, meetings.layers, meetings.heads, meetings.units, meetings.units)
    assert not met[..., -1].any() and not met[..., -1, :].any() and met[..., -2].any()


def test_two_units_met_the_same_whoever_is_asked() -> None:
    torch.manual_seed(0)
    met = met_of(torch.rand(2, 3, 5, 5), torch.eye(5)[1:])
    torch.testing.assert_close(met, met.transpose(-1, -2))


def test_a_fusion_whose_answer_alone_looks_around_lets_no_two_meet(aimed: AimedPass) -> None:
    assert aimed.output.attention is not None
    rows = tuple(layer[:, :, :1] for layer in aimed.output.attention)
    meetings = interaction(replace(aimed, output=type(aimed.output)(**{**aimed.output, "attention": rows})))
    assert meetings is not None and meetings.met == b"" and meetings.answer


def test_a_fusion_without_attention_has_nothing_to_tell(aimed: AimedPass) -> None:
    assert interaction(replace(aimed, output=type(aimed.output)(**{**aimed.output, "attention": None}))) is None
