"""What encoders make of a sample is the same in any company, and goes through a model as if they had been asked."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from mmdemo.model import Loaded, MultimodalModel, encoded
from mmdemo.model.batch import Batch
from tests import tiny

SUBSETS = [("image", "text"), ("text",), ("image",), ("image", "text")]


@pytest.fixture
def loaded(tmp_path: Path) -> Loaded:
    model, processor = MultimodalModel.build(tiny.task(tmp_path, ("image", "text")), tiny.starts(tmp_path))
    return Loaded(model.eval(), processor)


def samples() -> list:
    lengths = (4, 1, 0, 7)
    return [
        replace(tiny.inputs(seed, some), text=" ".join(tiny.WORDS[:n]) if "text" in some else None)
        for seed, (some, n) in enumerate(zip(SUBSETS, lengths, strict=True))
    ]


def test_tokens_do_not_depend_on_what_else_is_encoded(loaded: Loaded) -> None:
    together, alone = encoded.tokens_of(loaded, samples()), [encoded.tokens_of(loaded, [one])[0] for one in samples()]
    assert [tuple(one) for one in together] == SUBSETS
    for ours, theirs in zip(together, alone, strict=True):
        assert all(torch.equal(ours[name], theirs[name]) and ours[name].dtype == torch.float16 for name in theirs)


def test_a_model_says_the_same_of_tokens_that_were_kept(loaded: Loaded) -> None:
    with torch.inference_mode():
        expected = loaded.model(loaded.processor(samples()).batch)
        output = loaded.model(Batch(encoded.padded(encoded.tokens_of(loaded, samples()))))
    torch.testing.assert_close(output.logits, expected.logits, atol=5e-3, rtol=5e-3)


def test_the_digest_tells_encoders_apart_and_not_what_stands_behind_them(loaded: Loaded) -> None:
    before = encoded.digest(loaded, ["image", "text"]), encoded.digest(loaded, ["text"])
    with torch.no_grad():
        next(loaded.model.fusion.parameters()).add_(1.0)
    assert (encoded.digest(loaded, ["image", "text"]), encoded.digest(loaded, ["text"])) == before
    with torch.no_grad():
        next(loaded.model.encoders["image"].parameters()).add_(1.0)
    after = encoded.digest(loaded, ["image", "text"]), encoded.digest(loaded, ["text"])
    assert after[0] != before[0] and after[1] == before[1]
