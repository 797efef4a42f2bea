"""From manifest rows to batches: decoded once by the one decoder, kept in memory, augmented anew at each visit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mmdemo.decode import decode, decode_caption
from mmdemo.errors import BadInput, ManifestError
from mmdemo.model import MultimodalProcessor, encoded
from mmdemo.model.batch import Batch, EncoderInputs
from mmdemo.model.encoded import EncodedSample
from mmdemo.model.heads import UNKNOWN
from mmdemo.tasks import Task
from mmdemo.training.data.augmentation import Augmentation, mask_spectrogram
from mmdemo.training.manifests import SHOWN_FAULTS, Row
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.values.samples import MODALITIES, Inputs

CONSTRUCTED = (
    "constructed"  # field of `extra`: the label is the caption's because of how it was made, whatever else is there
)
DECODERS = 4  # threads: the codecs release the interpreter's lock


@dataclass(frozen=True)
class Item:
    """One labelled sample, decoded; its picture already squashed to the encoder's square."""

    inputs: Inputs
    target: float  # what its loss asks for: of a label its place among the answers, int
    further: tuple[int, ...] = ()  # labels of the task's further answers, UNKNOWN where the sample has none
    shares: np.ndarray | None = None  # (labels,) what the loss asks for, where one label is not all there is to say
    captions: tuple[str, ...] = ()  # that may stand in for its own while it is learned from
    constructed: bool = False  # the label is the caption's alone: a picture beside it is anyone's
    # what encoders that do not learn made of it: those modalities are not in `inputs`
    tokens: EncodedSample = field(default_factory=dict)

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that it has, in the order of MODALITIES."""
        return tuple(name for name in MODALITIES if name in self.tokens or getattr(self.inputs, name) is not None)


@dataclass(frozen=True)
class LabelledBatch:
    """A batch to learn from, and what should come out."""

    inputs: Batch
    targets: Tensor  # (b,), of labels int64; (b, labels) float32 where the items have shares
    further_labels: Tensor | None = None  # (b, further answers) int64, where the task has any

    def to(self, device: torch.device | str, non_blocking: bool = False) -> LabelledBatch:
        """Return the same on another device."""
        further = self.further_labels
        return LabelledBatch(
            self.inputs.to(device, non_blocking),
            self.targets.to(device, non_blocking=non_blocking),
            None if further is None else further.to(device, non_blocking=non_blocking),
        )


class Samples(Dataset):
    """Decoded samples in memory: a picture of 224 pixels takes 150 kB, a second of sound 64 kB."""

    def __init__(self, items: Sequence[Item], augmentation: Augmentation) -> None:
        self.items = items
        self._augmentation = augmentation

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> Item:
        item = self.items[index]
        if not self._augmentation:
            return item
        inputs = self._augmentation(item.inputs, item.captions, generator(), noisy=not item.constructed)
        return replace(item, inputs=inputs)


def decode_rows(rows: Sequence[Row], task: Task, processor: MultimodalProcessor) -> list[Item]:
    """Return the rows decoded, in their order. Raises ManifestError naming the samples that cannot be judged."""
    items = decode_each(rows, task, processor)
    faults = [f"{row.id}: {item}" for row, item in zip(rows, items, strict=True) if isinstance(item, BadInput)]
    if faults:
        more = f"; {len(faults) - SHOWN_FAULTS} more" if len(faults) > SHOWN_FAULTS else ""
        raise ManifestError("samples_unusable", count=len(faults), faults="; ".join(faults[:SHOWN_FAULTS]) + more)
    return [item for item in items if isinstance(item, Item)]


def decode_each(rows: Sequence[Row], task: Task, processor: MultimodalProcessor) -> list[Item | BadInput]:
    """Return for each row, in their order, what it decodes to, or why it cannot be judged."""
    with ThreadPoolExecutor(DECODERS) as pool:
        return list(pool.map(lambda row: _item(row, task, processor), rows))


def collate(
    processor: MultimodalProcessor,
    masked: bool = False,
    mixing: Callable[[Sequence[Item], np.random.Generator], Sequence[Item]] | None = None,
) -> Callable[[Sequence[Item]], LabelledBatch]:
    """Return what makes a batch of items; `mixing` changes them before.

    Where it is `masked`, spectrograms have holes, which only an encoder that learns can learn to look past.
    """

    def batch(items: Sequence[Item]) -> LabelledBatch:
        items = mixing(items, generator()) if mixing else items
        inputs = batch_of(processor, items)
        if masked:
            inputs = _with_holes(inputs)
        constructed = [item.constructed for item in items]
        further = [item.further for item in items]
        return LabelledBatch(
            replace(inputs, constructed=torch.tensor(constructed) if any(constructed) else None),
            _targets(items),
            torch.tensor(further) if further[0] else None,
        )

    return batch


def batch_of(processor: MultimodalProcessor, items: Sequence[Item]) -> Batch:
    """Return the items as a model takes them, what encoders made of them before as it is."""
    batch = processor([item.inputs for item in items]).batch
    return replace(batch, modalities={**batch.modalities, **encoded.padded([item.tokens for item in items])})


def _with_holes(inputs: Batch) -> Batch:
    """Return the batch with holes in its spectrograms (b, bands, frames); waves (b, samples) stay whole."""
    audio = inputs.modalities.get("audio")
    if not isinstance(audio, EncoderInputs) or audio.tensors[0].dim() != 3:
        return inputs
    features, frames = audio.tensors
    holes = replace(audio, tensors=(mask_spectrogram(features, frames, generator()), frames))
    return replace(inputs, modalities={**inputs.modalities, "audio": holes})


def generator() -> np.random.Generator:
    """Return a generator that follows torch's: one seed rules a whole run."""
    return np.random.default_rng(int(torch.randint(2**62, ()).item()))


def only(items: Sequence[Item], modalities: Sequence[str]) -> list[Item]:
    """Return the items that have all of `modalities`, with those alone, where their label is then still theirs."""
    kept = [item for item in items if "text" in modalities or not item.constructed]
    return narrowed([item for item in kept if set(modalities) <= set(item.modalities)], modalities)


def narrowed(items: Sequence[Item], modalities: Sequence[str]) -> list[Item]:
    """Return the items with `modalities` alone, each as far as it has them."""
    return [
        replace(
            item,
            inputs=item.inputs.only(modalities),
            tokens={name: value for name, value in item.tokens.items() if name in modalities},
        )
        for item in items
    ]


def _targets(items: Sequence[Item]) -> Tensor:
    shares = [item.shares for item in items if item.shares is not None]
    if len(shares) < len(items):
        return torch.tensor([item.target for item in items])  # (batch,)
    return torch.from_numpy(np.stack(shares)).float()  # (batch, labels)


def _item(row: Row, task: Task, processor: MultimodalProcessor) -> Item | BadInput:
    try:
        inputs = decode(row.sample, task)
    except BadInput as error:
        return error
    return Item(
        processor.squashed(inputs),
        target=OBJECTIVES[task.kind].target(task, row.label),
        further=further_labels(row, task),
        captions=tuple(filter(None, (decode_caption(row.extra.get(name)) for name in task.captions))),
        constructed=bool(row.extra.get(CONSTRUCTED)),
    )


def further_labels(row: Row, task: Task) -> tuple[int, ...]:
    """Return a row's labels of the task's further answers as indices, UNKNOWN where `extra` has none."""
    pairs = [(labels, row.extra.get(name)) for name, labels in task.head_labels.items()]
    return tuple(UNKNOWN if value is None else labels.index(value) for labels, value in pairs)
