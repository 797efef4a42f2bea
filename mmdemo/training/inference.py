"""What a model says of many decoded samples, in batches; not calibrated."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from mmdemo.model import MultimodalModel, MultimodalOutput, MultimodalProcessor
from mmdemo.training.datasets import Item

BATCH = 64  # samples; in float32 and without gradients


def logits(model: MultimodalModel, processor: MultimodalProcessor, items: Sequence[Item]) -> np.ndarray:
    """Return logits (n, classes) float32 of `items`, in their order."""
    found = [output.logits.cpu().numpy() for output in outputs(model, processor, items) if output.logits is not None]
    return np.concatenate(found) if found else np.zeros((0, len(model.config.labels)), np.float32)


def outputs(
    model: MultimodalModel, processor: MultimodalProcessor, items: Sequence[Item]
) -> Iterator[MultimodalOutput]:
    """Yield the model's output for each batch of `items`; the model is left in the mode in which it came."""
    training = model.training
    model.eval()
    try:
        for start in range(0, len(items), BATCH):
            tensors = processor([item.inputs for item in items[start : start + BATCH]]).tensors
            with torch.inference_mode():
                yield model(**{name: value.to(model.device) for name, value in tensors.items()})
    finally:
        model.train(training)


def labels(items: Sequence[Item]) -> np.ndarray:
    """Return the items' labels (n,) int64, as indices into the task's."""
    return np.array([item.label for item in items], np.int64)
