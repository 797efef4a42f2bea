"""What a model says of many samples comes in their order, whatever order they are asked in."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from mmdemo.model import Loaded, MultimodalModel
from mmdemo.training.data.datasets import Item
from mmdemo.training.fitting.inference import BATCH, logits
from mmdemo.training.version_folder import pooled
from tests import tiny


def test_logits_are_those_of_each_sample_alone_in_the_order_given(tmp_path: Path) -> None:
    model, processor = MultimodalModel.build(tiny.task(tmp_path, ("image", "text")), tiny.starts(tmp_path))
    model.eval()
    lengths = np.random.default_rng(0).integers(1, 9, BATCH + 5)
    samples = [tiny.inputs(seed, ("image", "text") if seed % 3 else ("text",)) for seed in range(BATCH + 5)]
    items = [
        Item(replace(sample, text=" ".join(tiny.WORDS[:length])), 0)
        for sample, length in zip(samples, lengths, strict=True)
    ]
    with torch.inference_mode():
        alone = [model(processor([item.inputs]).batch) for item in items]
    expected = np.concatenate([output.logits.numpy() for output in alone])
    np.testing.assert_allclose(logits(Loaded(model, processor), items), expected, atol=1e-5)
    means = pooled(Loaded(model, processor), items)
    assert {name: len(values) for name, values in means.items()} == {
        "image": sum("image" in item.inputs.modalities for item in items),
        "text": len(items),
    }
    ours = means["image"].sum(axis=0)
    theirs = sum(output.pooled["image"][0].numpy() for output in alone if "image" in output.pooled)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)


def test_no_samples_have_no_logits(tmp_path: Path) -> None:
    model, processor = MultimodalModel.build(tiny.task(tmp_path, ("image",)), tiny.starts(tmp_path))
    assert logits(Loaded(model, processor), []).shape == (0, len(model.config.labels))
    assert pooled(Loaded(model, processor), []) == {}
