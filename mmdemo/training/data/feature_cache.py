"""Encoders that do not learn are asked once: a few changed copies of each sample, whose tokens are then learned from.

What stands behind the encoders is small, so that where none of them learns an epoch takes seconds, and cross-validation
minutes. Letters of the shapes: b samples, n tokens, w width of the encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from mmdemo.model import MultimodalModel
from mmdemo.model.batch import Batch, EncoderTokens
from mmdemo.training.data.datasets import Item, LabelledBatch, Samples, generator
from mmdemo.training.fitting.inference import BATCH, length
from mmdemo.training.fitting.processes import say
from mmdemo.training.objectives.targets import shares_of
from mmdemo.values.samples import MODALITIES

Collate = Callable[[Sequence[Item]], LabelledBatch]
Mixing = Callable[[Sequence[Any], np.random.Generator], Sequence[Any]]
Copy = dict[str, Tensor]  # modality → tokens (n, w + 1) float16 of one copy of a sample; the last column says: real


@dataclass
class FeatureCache:
    """The copies of every sample that was asked for: folds share them, for the encoders are the same."""

    copies: int  # of a sample
    known: dict[int, tuple[Item, list[Copy]]] = field(default_factory=dict)  # by the identity of the item

    def of(self, items: Sequence[Item], model: MultimodalModel, batch: Collate) -> list[list[Copy]]:
        """Return the copies of each of the items.

        `batch` changes items, anew each time, and makes a batch of those modalities whose encoders do not learn.
        """
        # Samples of like length go together: padding would cost more than most clips.
        new = sorted((item for item in items if id(item) not in self.known), key=length)
        encoded: list[list[Copy]] = [[] for _ in new]
        model.eval()
        for turn in range(self.copies if new else 0):
            say(f"copy {turn + 1} of {self.copies} of {len(new)} samples is encoded")
            for start in range(0, len(new), BATCH):
                part = batch(new[start : start + BATCH])
                copies = _encoded(model, part.inputs, len(part.targets))
                for kept, copy in zip(encoded[start : start + BATCH], copies, strict=True):
                    kept.append(copy)
        model.train()
        self.known |= {id(item): (item, copies) for item, copies in zip(new, encoded, strict=True)}
        return [self.known[id(item)][1] for item in items]


class CachedDataset(Dataset):
    """One copy of a sample at each visit, drawn anew, beside what is left of the sample itself."""

    def __init__(self, samples: Samples, copies: Sequence[Sequence[Copy]]) -> None:
        self._samples = samples  # with those modalities alone whose encoders learn
        self._copies = copies

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> tuple[Item, Copy]:
        """Return the item and its copy."""
        copies = self._copies[index]
        return self._samples[index], copies[int(generator().integers(len(copies)))]


def learning(model: MultimodalModel) -> list[str]:
    """Return the modalities whose encoders learn."""
    return [name for name, encoder in model.encoders.items() if any(p.requires_grad for p in encoder.parameters())]


def resting(model: MultimodalModel) -> list[str]:
    """Return the modalities whose encoders do not learn."""
    learn = learning(model)
    return [name for name in model.encoders if name not in learn]


def masked(model: MultimodalModel, augment: bool) -> bool:
    """Return whether spectrograms get holes: an encoder that does not learn cannot learn to look past them."""
    return augment and "audio" in learning(model)


def collate(drawn: Sequence[tuple[Item, Copy]], batch: Collate, mixing: Mixing | None = None) -> LabelledBatch:
    """Return a batch of drawn copies: their tokens, and what `batch` makes of what is left of the items."""
    items, copies = zip(*(mixing(drawn, generator()) if mixing else drawn), strict=True)
    labelled = batch(items)
    cached = {name: _padded(name, copies) for name in MODALITIES if any(name in copy for copy in copies)}
    inputs = replace(labelled.inputs, modalities={**labelled.inputs.modalities, **cached})
    return replace(labelled, inputs=inputs)


def mix(
    drawn: Sequence[tuple[Item, Copy]], draw: np.random.Generator, *, alpha: float, labels: int
) -> list[tuple[Item, Copy]]:
    """Return copies of sounds that came alone mixed in pairs, their labels likewise.

    The longer share decides how long one is.

    Manifold mixup: Verma et al., "Manifold mixup: Better representations by interpolating hidden states", ICML 2019,
    equation 1, at the encoder's last layer.
    """
    partners = draw.permutation(len(drawn))
    mixed = []
    for (item, copy), (other, another) in zip(drawn, (drawn[partner] for partner in partners), strict=True):
        shares = shares_of(item, labels)
        alone = not item.inputs.modalities and not other.inputs.modalities  # nothing is left for encoders that learn
        if alone and copy.keys() == another.keys() == {"audio"}:
            part = max(share := draw.beta(alpha, alpha), 1 - share)
            copy = {"audio": _mixed(copy["audio"], another["audio"], part)}
            shares = part * shares + (1 - part) * shares_of(other, labels)
        mixed.append((replace(item, shares=shares), copy))
    return mixed


def _mixed(one: Tensor, other: Tensor, part: float) -> Tensor:
    """Return (n, w + 1): `part` of the first tokens, the rest of the others as far as those go."""
    tokens, both = one.clone(), min(len(one), len(other))
    tokens[:both] = part * one[:both] + (1 - part) * other[:both]
    return tokens


def _padded(name: str, copies: Sequence[Copy]) -> EncoderTokens:
    """Return the tokens of one modality of a batch of copies; none of a copy that lacks it."""
    width = next(copy[name].shape[1] for copy in copies if name in copy)
    kept = [copy.get(name, torch.zeros(0, width, dtype=torch.float16)) for copy in copies]
    marked = pad_sequence(kept, batch_first=True).float()  # (b, n, w + 1)
    return EncoderTokens(marked[..., :-1], marked[..., -1] > 0)


@torch.inference_mode()
def _encoded(model: MultimodalModel, batch: Batch, size: int) -> list[Copy]:
    """Return what the encoders make of each of the `size` samples of a batch."""
    copies: list[Copy] = [{} for _ in range(size)]
    for name, inputs in batch.to(model.device).modalities.items():
        rows = inputs.present.nonzero()[:, 0]
        tokens, real = inputs.encoded_by(model.encoders[name], rows)
        marked = torch.cat([tokens, torch.ones_like(tokens[..., :1])], dim=-1).half().cpu()  # (rows, n, w + 1)
        for row, kept, mask in zip(rows.tolist(), marked, real.cpu(), strict=True):
            copies[row][name] = kept[mask].clone()
    return copies
