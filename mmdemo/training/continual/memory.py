"""What a base remembers of what it learned from: tokens, never samples, in one small file of its version folder.

    memory.safetensors
        MODALITY.values  (tokens, w) int8      and MODALITY.scales (tokens, 1) float16: what was pooled, times its scale
        MODALITY.counts  (n, 2) int32          of each sample: pooled tokens, and tokens that they stand for
        roles            (n,) uint8            what a sample is for: Role
    metadata: labels, and the digest of the encoders that made the tokens

A sample's tokens are pooled along their order, to as many as TOKENS says, and each stands for those that it is the mean
of: so a model takes them as it takes any, with their places. Rehearsal of compressed features instead of samples: Hayes
et al., "REMIND your neural network to prevent catastrophic forgetting", ECCV 2020, there by product quantization.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mmdemo import hashed_draw, whole_file
from mmdemo.errors import CheckpointError
from mmdemo.model import Loaded, encoded
from mmdemo.model.encoded import EncodedSample
from mmdemo.model.packing import LARGEST
from mmdemo.tasks import Task
from mmdemo.training.data.datasets import Item
from mmdemo.training.manifests import Row
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.values.samples import MODALITIES, Inputs

FILE = "memory.safetensors"
MOST_BYTES = 2 * 2**20
TOKENS = {"image": 1, "text": 8, "audio": 8}  # of a sample at most
CALIBRATING = 0.4  # share of what trained nothing that calibrates
REHEARSED = 0.5  # share of what the base learned that is rehearsed, where nothing else is at hand to guard


class Role(IntEnum):
    """What a remembered sample is for."""

    REHEARSED = 0
    CALIBRATION = 1  # temperatures are fitted on it; nothing trained on it, the base neither
    GUARD = 2  # versions are compared on it, and no night learns from it; what the base learned flatters the base


@dataclass(frozen=True)
class Remembered:
    """One sample of a memory."""

    tokens: EncodedSample
    label: str
    role: Role

    def item(self, task: Task) -> Item:
        """Return it as training takes it."""
        return Item(Inputs(), OBJECTIVES[task.kind].target(task, self.label), tokens=self.tokens)


@dataclass(frozen=True)
class RehearsalMemory:
    """What a base remembers."""

    samples: tuple[Remembered, ...]
    encoders: str  # digest of those that made the tokens

    def of(self, role: Role) -> list[Remembered]:
        """Return the samples that are for this."""
        return [sample for sample in self.samples if sample.role == role]

    def fits(self, loaded: Loaded) -> bool:
        """Return whether a model's encoders say what those said that made the tokens."""
        return encoded.digest(loaded, loaded.model.config.modalities) == self.encoders


def roles_of(
    learned: Sequence[Row], unseen: Sequence[Row] = (), calibrating: float = CALIBRATING
) -> list[tuple[Row, Role]]:
    """Return what is to be remembered and what each is for, in the order in which there is room for it.

    What the base `learned` is rehearsed. What trained nothing guards, and a share of it calibrates; the two sides take
    turns, so that neither crowds out the other. Without any `unseen`, a part of what was learned has to guard.
    """
    learned, unseen = (sorted(rows, key=lambda row: hashed_draw.draw("remember", row.id)) for rows in (learned, unseen))
    if not unseen:
        return [(row, Role.REHEARSED if _draw(row) < REHEARSED else Role.GUARD) for row in learned]
    of_learned = [(row, Role.REHEARSED) for row in learned]
    of_unseen = [(row, Role.CALIBRATION if _draw(row) < calibrating else Role.GUARD) for row in unseen]
    return [pair for pairs in itertools.zip_longest(of_unseen, of_learned) for pair in pairs if pair]


def _draw(row: Row) -> float:
    return hashed_draw.draw("memory", row.id)


def write(folder: Path, loaded: Loaded, samples: Sequence[Remembered], most_bytes: int = MOST_BYTES) -> int:
    """Write as many of the samples as there is room for, the first ones; return how many. Raises StorageError."""
    pooled = [{name: pool(value, TOKENS[name]) for name, value in sample.tokens.items()} for sample in samples]
    sizes = np.cumsum([size(one) for one in pooled])
    count = int((sizes < most_bytes - 2048 * len(MODALITIES)).sum())  # names, shapes and digest
    kept, tensors = list(zip(samples, pooled, strict=True))[:count], {}
    for name in (name for name in MODALITIES if any(name in one for _, one in kept)):
        there = [one.get(name, torch.zeros(0, 0)) for _, one in kept]
        stacked = torch.cat([value for value in there if len(value)])
        scales = stacked.abs().amax(dim=1, keepdim=True).clamp_min(1e-4) / LARGEST  # (tokens, 1)
        tensors[f"{name}.values"] = (stacked / scales).round().to(torch.int8)
        tensors[f"{name}.scales"] = scales.half()
        whole = [len(sample.tokens.get(name, ())) for sample, _ in kept]
        tensors[f"{name}.counts"] = torch.tensor([list(map(len, there)), whole], dtype=torch.int32).T.contiguous()
    tensors["roles"] = torch.tensor([sample.role for sample, _ in kept], dtype=torch.uint8)
    about = {
        "labels": json.dumps([sample.label for sample, _ in kept], ensure_ascii=False),
        "encoders": encoded.digest(loaded, loaded.model.config.modalities),
    }
    whole_file.write(folder / FILE, save(tensors, about))
    return count


def hand_on(before: Path, after: Path, loaded: Loaded) -> None:
    """Write what the version in `before` remembers for the one in `after`, whose encoders make the same tokens.

    Raises CheckpointError, StorageError.
    """
    if not (before / FILE).is_file():
        return
    tensors, about = _read(before / FILE)
    about = {**about, "encoders": encoded.digest(loaded, loaded.model.config.modalities)}
    whole_file.write(after / FILE, save(tensors, about))


def size(pooled: Mapping[str, Tensor]) -> int:
    """Return the bytes that one sample's means take, with scales, counts, role and label."""
    return sum(value.numel() + 2 * len(value) + 8 for value in pooled.values()) + 16


def digest(folder: Path) -> str:
    """Return the SHA-256 of the memory of the version in `folder`, "" where it has none. Raises CheckpointError."""
    try:
        return hashlib.sha256((folder / FILE).read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CheckpointError("checkpoint_broken", path=folder / FILE, detail=repr(error)) from error


def load(folder: Path) -> RehearsalMemory | None:
    """Return what the version in `folder` remembers, None where it has no memory. Raises CheckpointError."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        tensors, about = _read(path)
        labels, roles = json.loads(about["labels"]), tensors["roles"].tolist()
        by_name = {name: _expanded(tensors, name) for name in MODALITIES if f"{name}.values" in tensors}
        samples = tuple(
            Remembered({name: each[row] for name, each in by_name.items() if len(each[row])}, label, Role(role))
            for row, (label, role) in enumerate(zip(labels, roles, strict=True))
        )
        return RehearsalMemory(samples, about["encoders"])
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise CheckpointError("checkpoint_broken", path=path, detail=repr(error)) from error


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in list(file.keys())}, file.metadata()


def pool(tokens: Tensor, most: int) -> Tensor:
    """Return at most so many means (m, w) of neighbours among tokens (n, w)."""
    parts = torch.tensor_split(tokens.float(), min(most, len(tokens)))
    return torch.stack([part.mean(dim=0) for part in parts])


def expand(pooled: Tensor, count: int) -> Tensor:
    """Return (count, w): each mean of `pool` in the place of all tokens that it is the mean of."""
    sizes = torch.tensor([len(part) for part in torch.tensor_split(torch.arange(count), len(pooled))])
    return pooled.repeat_interleave(sizes, dim=0)


def as_remembered(item: Item, modalities: Collection[str] = MODALITIES) -> Item:
    """Return an item with its tokens of these modalities as a memory keeps them, but for the rounding to 8 bits."""
    means = {
        name: expand(pool(tokens, TOKENS[name]), len(tokens)).half() if name in modalities else tokens
        for name, tokens in item.tokens.items()
    }
    return dataclasses.replace(item, tokens=means)


def _expanded(tensors: dict[str, Tensor], name: str) -> list[Tensor]:
    """Return each sample's tokens (n, w) float16 of one modality; none of a sample that lacks it."""
    values = tensors[f"{name}.values"].float() * tensors[f"{name}.scales"].float()
    counts = tensors[f"{name}.counts"].tolist()
    parts = values.split([kept for kept, _ in counts])
    return [expand(part, whole).half() if kept else part for part, (kept, whole) in zip(parts, counts, strict=True)]
