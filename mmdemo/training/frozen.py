"""Encoders that do not learn are asked once: a few changed copies of each sample, whose tokens are then learned from.

What stands behind the encoders is small, so that where none of them learns an epoch takes seconds, and cross-validation
minutes. Letters of the shapes: b samples, n tokens, d width of the encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import Dataset

from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel
from mmdemo.model.modality import ModalityEncoder
from mmdemo.samples import MODALITIES
from mmdemo.training.datasets import CONSTRUCTED, TARGETS, Item, Samples, generator
from mmdemo.training.inference import BATCH, length
from mmdemo.training.processes import say
from mmdemo.training.targets import shares_of

Tensors = dict[str, Any]  # arguments of MultimodalModel.forward
Mixing = Callable[[Sequence[Any], np.random.Generator], Sequence[Any]]
Copy = dict[str, Tensor]  # modality → tokens (n, d + 1) float16 of one copy of a sample; the last column says: real


@dataclass
class Copies:
    """The copies of every sample that was asked for: folds share them, for the encoders are the same."""

    number: int  # of a sample
    known: dict[int, tuple[Item, list[Copy]]] = field(default_factory=dict)  # by the identity of the item

    def of(self, items: Sequence[Item], model: MultimodalModel, batch: Callable[..., Tensors]) -> list[list[Copy]]:
        """Return the copies of each of the items.

        `batch` changes items, anew each time, and makes a batch of those modalities whose encoders do not learn.
        """
        # Samples of like length go together: padding would cost more than most clips.
        new = sorted((item for item in items if id(item) not in self.known), key=length)
        found: list[list[Copy]] = [[] for _ in new]
        model.eval()
        for turn in range(self.number if new else 0):
            say(f"copy {turn + 1} of {self.number} of {len(new)} samples is encoded")
            for start in range(0, len(new), BATCH):
                copies = _encoded(model, batch(new[start : start + BATCH]))
                for kept, copy in zip(found[start : start + BATCH], copies, strict=True):
                    kept.append(copy)
        model.train()
        self.known |= {id(item): (item, copies) for item, copies in zip(new, found, strict=True)}
        return [self.known[id(item)][1] for item in items]


class Drawn(Dataset):
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


class Handed(ModalityEncoder):
    """Stands around an encoder that does not learn: in training, what comes in are its tokens already."""

    def __init__(self, encoder: ModalityEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.dim, self.grid = encoder.dim, encoder.grid

    def forward(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens (b, n, d) that were kept, and which are real; or ask the encoder."""
        if not self.training:
            return self.encoder(*arguments)
        kept = arguments[0]  # (b, n, d + 1)
        return kept[..., :-1], kept[..., -1] > 0


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


@contextmanager
def handed(model: MultimodalModel) -> Iterator[None]:
    """Let encoders that don't learn be handed kept tokens while the context lasts. Raises ManifestError without any."""
    encoders: dict[str, Any] = {name: model.encoders[name] for name in resting(model)}
    if not encoders:
        raise ManifestError("copies_need_frozen", modalities=", ".join(model.encoders))
    model.encoders.update({name: Handed(encoder) for name, encoder in encoders.items()})
    try:
        yield
    finally:
        model.encoders.update(encoders)


def collate(
    drawn: Sequence[tuple[Item, Copy]], batch: Callable[[Sequence[Item]], Tensors], mixing: Mixing | None = None
) -> Tensors:
    """Return the arguments of MultimodalModel.forward of drawn copies, for encoders that are handed their tokens.

    `batch` makes those of what is left of the items.
    """
    items, copies = zip(*(mixing(drawn, generator()) if mixing else drawn), strict=True)
    tensors = batch(items)
    for name in MODALITIES:
        widths = [copy[name].shape[1] for copy in copies if name in copy]
        if widths:
            kept = [copy.get(name, torch.zeros(0, widths[0], dtype=torch.float16)) for copy in copies]
            tokens = pad_sequence(kept, batch_first=True).float()  # (b, n, d + 1)
            real = tokens[..., -1] > 0  # (b, n)
            tensors |= _AS[name](tokens, real)
    return tensors


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
    """Return (n, d + 1): `part` of the first tokens, the rest of the others as far as those go."""
    found, both = one.clone(), min(len(one), len(other))
    found[:both] = part * one[:both] + (1 - part) * other[:both]
    return found


@torch.inference_mode()
def _encoded(model: MultimodalModel, tensors: Mapping[str, Any]) -> list[Copy]:
    """Return what the encoders make of each sample of a batch."""
    given = {name: value.to(model.device) for name, value in tensors.items() if name not in (*TARGETS, CONSTRUCTED)}
    copies: list[Copy] = [{} for _ in tensors["labels"]]
    for name, (arguments, present) in model.given(**given).items():
        rows = present.nonzero()[:, 0]
        tokens, real = model.encoders[name](*(item[rows] for item in arguments))
        marked = torch.cat([tokens, torch.ones_like(tokens[..., :1])], dim=-1).half().cpu()  # (rows, n, d + 1)
        for row, kept, mask in zip(rows.tolist(), marked, real.cpu(), strict=True):
            copies[row][name] = kept[mask].clone()
    return copies


# Modality → tokens and which are real as the arguments of MultimodalModel.forward; all but the first say who has it.
_AS: dict[str, Callable[[Tensor, Tensor], Tensors]] = {
    "image": lambda tokens, real: {"pixel_values": tokens, "image_present": real.any(dim=1)},
    "text": lambda tokens, real: {"input_ids": tokens, "attention_mask": real, "text_mask": real},
    "audio": lambda tokens, real: {"audio_features": tokens, "audio_frames": real.sum(dim=1)},
}
