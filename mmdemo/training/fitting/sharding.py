"""Several processes learn what one would: each takes its share of every batch, and the shares weigh by their samples.

All of them go through the samples in the same order. A gradient is the mean over processes, and of a batch that cannot
be parted evenly some have fewer samples: so each loss, a mean over its share, is multiplied by `weight`, and the mean
over processes is that over the batch. A process for which nothing is left of an epoch's last batch takes one sample of
it that weighs nothing, since all must take part in every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from accelerate.data_loader import SeedableRandomSampler, prepare_data_loader
from torch.utils.data import BatchSampler, DataLoader, Sampler
from transformers.trainer_pt_utils import LengthGroupedSampler

from mmdemo.errors import ManifestError
from mmdemo.training.fitting import processes

WEIGHT = "weight"  # of a loss, beside its batch


def check(at_once: int) -> None:
    """Refuse more processes than samples that a step takes at once. Raises ManifestError."""
    if processes.number() > at_once:
        raise ManifestError("processes_too_many", count=processes.number(), most=at_once)


class BatchShares(Sampler[list[int]]):
    """One process's share of each batch of a sampler."""

    def __init__(self, sampler: Any, batch: int, rank: int, number: int) -> None:
        self.sampler = sampler  # where accelerate looks for what is told the epoch
        self.weight = 1.0  # of the share that was taken last
        self._batches = BatchSampler(sampler, batch, drop_last=False)
        self._rank, self._number = rank, number

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            own = batch[self._rank :: self._number]
            self.weight = len(own) * self._number / len(batch)
            yield own or batch[:1]


class ByLength(LengthGroupedSampler):
    """Samples of like length together, in an order that only seed and epoch decide."""

    def __init__(self, batch: int, lengths: list[int], seed: int) -> None:
        super().__init__(batch, lengths=lengths, generator=torch.Generator())
        self._seed, self._epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator.manual_seed(self._seed + self._epoch)
        self._epoch += 1
        return super().__iter__()


def loader(
    dataset: Any,
    collate: Callable[[list[Any]], dict[str, Any]],
    batch: int,
    seed: int,
    device: torch.device,
    lengths: Iterable[int] | None = None,
) -> DataLoader[Any]:
    """Return what yields this process's share of all batches, with its weight; `lengths`: like ones come together."""
    sampler = SeedableRandomSampler(dataset, data_seed=seed) if lengths is None else ByLength(batch, [*lengths], seed)
    shares = BatchShares(sampler, batch, processes.rank(), processes.number())
    mine = DataLoader(dataset, batch_sampler=shares, collate_fn=lambda part: {**collate(part), WEIGHT: shares.weight})
    return prepare_data_loader(mine, device, num_processes=1, process_index=0, put_on_device=True)
