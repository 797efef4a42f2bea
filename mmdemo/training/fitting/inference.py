"""What a model says of many decoded samples, in batches; not calibrated."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from mmdemo.model import Loaded, MultimodalOutput
from mmdemo.training.data.datasets import Item, batch_of

BATCH = 64  # samples; in float32 and without gradients


def logits(loaded: Loaded, items: Sequence[Item]) -> np.ndarray:
    """Return the head's outputs (n, k) float32 of `items`, in their order: logits, where they are labels."""
    every = np.zeros((len(items), loaded.model.head.outputs), np.float32)
    for rows, output in outputs(loaded, items):
        assert output.logits is not None
        every[rows] = output.logits.cpu().numpy()
    return every


def outputs(loaded: Loaded, items: Sequence[Item]) -> Iterator[tuple[list[int], MultimodalOutput]]:
    """Yield batches of `items` as their indices and the model's output; it is left in the mode in which it came.

    Samples of the same modalities and of like length go together: padding would cost more than most captions.
    """
    model, processor = loaded
    training = model.training
    model.eval()
    order = sorted(range(len(items)), key=lambda index: (items[index].modalities, *length(items[index])))
    groups = [list(places) for _, places in itertools.groupby(order, lambda index: items[index].modalities)]
    try:
        for rows in (group[start : start + BATCH] for group in groups for start in range(0, len(group), BATCH)):
            batch = batch_of(processor, [items[row] for row in rows])
            with torch.inference_mode():
                yield rows, model(batch.to(model.device))
    finally:
        model.train(training)


def length(item: Item) -> tuple[int, int]:
    """Return how long a sample's sound and its caption are, to put those of like length together."""
    sizes = {name: len(tokens) for name, tokens in item.tokens.items()}
    audio = item.inputs.audio
    return sizes.get("audio", 0 if audio is None else len(audio)), sizes.get("text", len(item.inputs.text or ""))


def targets_of(items: Sequence[Item]) -> np.ndarray:
    """Return what is right for each of the items, (n,): of labels int64 indices into the task's."""
    return np.array([item.target for item in items])
