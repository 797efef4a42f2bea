"""A sample's further captions are learned from too, and only then."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from mmdemo.model import Loaded, MultimodalModel, MultimodalProcessor
from mmdemo.training.data.augmentation import Augmentation
from mmdemo.training.data.datasets import Item, Samples
from mmdemo.training.fitting import trainer
from mmdemo.training.options import Options
from mmdemo.values.samples import Inputs
from tests import tiny

SAID = Item(Inputs(text="a dog runs"), 0, captions=("dog", "running"))


def test_each_visit_draws_one_of_the_captions() -> None:
    torch.manual_seed(0)
    samples = Samples([SAID], Augmentation())
    captions = [samples[0].inputs.text for _ in range(300)]
    for caption in ("a dog runs", "dog", "running"):
        assert 70 < captions.count(caption) < 130


def test_without_augmentation_a_sample_is_as_it_came() -> None:
    assert {Samples([SAID], Augmentation(augment=False))[0].inputs.text for _ in range(20)} == {"a dog runs"}


def test_a_sample_without_a_caption_gets_none() -> None:
    nobody = Item(Inputs(), 0, captions=("dog",))
    assert Samples([nobody], Augmentation())[0].inputs.text is None


class Watched:
    """A processor that notes what each batch is made of."""

    def __init__(self, processor: MultimodalProcessor) -> None:
        self._processor = processor
        self.batches: list[list[Inputs]] = []

    def __call__(self, inputs: Sequence[Inputs], *args: Any, **options: Any) -> Any:
        self.batches.append(list(inputs))
        return self._processor(inputs, *args, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._processor, name)


@pytest.mark.slow
def test_captions_of_like_length_go_together(tmp_path: Path) -> None:
    model, processor = MultimodalModel.build(tiny.task(tmp_path, ("text",)), tiny.starts(tmp_path))
    items = [Item(Inputs(text="dog " * (1 + 7 * index % 32)), index % 2) for index in range(32)]

    def padding(by_length: bool) -> int:
        """Return how many characters are missing from the batches of an epoch to all being as long as the longest."""
        watched = Watched(processor)
        options = Options(epochs=1, batch=4, precision="fp32", by_length=by_length)
        loaded = Loaded(model, watched)  # type: ignore[arg-type]
        trainer.fit(loaded, items, trainer.Plan(options))
        lengths = [[len(inputs.text or "") for inputs in batch] for batch in watched.batches]
        assert len(lengths) == 8
        return sum(max(of_batch) * len(of_batch) - sum(of_batch) for of_batch in lengths)

    assert padding(by_length=True) < padding(by_length=False) / 2
