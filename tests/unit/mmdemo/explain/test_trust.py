"""A map is trusted where it names what a planted model looks at, and nowhere else."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmdemo.explain import Pass
from mmdemo.explain.trust import SHARES, Trust, trust
from mmdemo.explain.words import words
from mmdemo.model import MultimodalModel
from mmdemo.model.fused import Fused
from mmdemo.model.modality import ModalityEncoder
from mmdemo.samples import Explanation, Inputs, TextMap, TokenScore, to_json
from tests import tiny

CAPTION = "the cat runs a good dog smiling is the bad cat running a run"
DIM = 32


class Dog(ModalityEncoder):
    """Tokens that are 1 where a word is the one, and 0 elsewhere."""

    dim = DIM

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def forward(self, input_ids: Tensor, attention_mask: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        return (input_ids == self.number)[..., None].float().expand(-1, -1, DIM), text_mask


class Seen(nn.Module):
    """Says whether any token is the one."""

    attends = False

    def forward(self, tokens: Tensor, mask: Tensor, modality: Tensor, return_attention: bool = False) -> Fused:
        return Fused((tokens * mask[..., None]).amax(dim=1))

    def logits(self, head: nn.Module, fused: Fused) -> Tensor:
        return torch.stack([2 - 4 * fused.features[:, 0], 4 * fused.features[:, 0] - 2], dim=1)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Pass:
    """A caption behind a model that looks for "dog" alone."""
    folder: Path = tmp_path_factory.mktemp("tiny")
    model, processor = MultimodalModel.build(tiny.task(folder, ("text",)), tiny.starts(folder))
    assert processor.text is not None
    number = processor.text.tokenizer.token_to_id("dog")
    model.encoders["text"], model.projections["text"], model.fusion = Dog(number), nn.Identity(), Seen()
    nn.init.zeros_(model.modality_embedding.weight)
    return passed(model.eval(), processor, CAPTION)


def passed(model: MultimodalModel, processor: object, caption: str) -> Pass:
    inputs = Inputs(text=caption)
    encoded = processor([inputs])  # type: ignore[operator]
    with torch.inference_mode():
        output = model(**encoded.tensors)
    return Pass(model, processor, inputs, encoded, output, "good")  # type: ignore[arg-type]


def told(caption: str, dog: float, rest: float) -> Explanation:
    """Return a map of a caption with one score for "dog" and another for all other words."""
    spans = [(caption[start:end], start, end) for start, end in words(caption)]
    return Explanation(
        "told", "good", text=TextMap(tuple(TokenScore(*s, dog if s[0] == "dog" else rest) for s in spans))
    )


def test_a_map_that_names_what_matters_is_better_than_random(seen: Pass) -> None:
    found = trust(seen, told(CAPTION, dog=1.0, rest=0.0))
    assert found.verdict == "better" and found.score > 0.2
    assert found.map[1] < 0.05 < 0.5 < found.random[1]
    assert (found.random[0], found.random[-1]) == pytest.approx((found.map[0], found.map[-1]))


@pytest.mark.parametrize(("dog", "rest"), [(-1.0, 0.0), (0.5, 0.5)])
def test_a_reversed_or_a_constant_map_is_no_better(seen: Pass, dog: float, rest: float) -> None:
    found = trust(seen, told(CAPTION, dog, rest))
    assert found.verdict == "no_better" and found.score < 0.2


def test_maps_of_few_words_are_not_told_apart(seen: Pass) -> None:
    short = passed(seen.model, seen.processor, "a dog runs")
    assert trust(short, told("a dog runs", 1.0, 0.0)).verdict == "too_few"


def test_the_same_sample_is_judged_the_same_and_another_by_other_orders(seen: Pass) -> None:
    explained = told(CAPTION, 1.0, 0.0)
    assert trust(seen, explained) == trust(seen, explained)
    other = passed(seen.model, seen.processor, CAPTION + " run")
    assert trust(other, told(CAPTION + " run", 1.0, 0.0)).seed != trust(seen, explained).seed


def test_the_curve_begins_at_the_probability_that_was_served(seen: Pass) -> None:
    found = trust(seen, told(CAPTION, 1.0, 0.0), temperature=2.0)
    assert found.map[0] == pytest.approx(1 / (1 + torch.tensor(-2.0).exp().item()))


def test_it_becomes_json(seen: Pass) -> None:
    found = trust(seen, told(CAPTION, 1.0, 0.0))
    back = json.loads(json.dumps(to_json(found)))
    assert back["shares"] == list(SHARES) and back["verdict"] == "better"
    assert replace(found, map=tuple(back["map"])) == found and isinstance(found, Trust)
