"""Training in several processes, as torchrun starts them: one of them speaks and writes, all of them learn."""

import os
from typing import Any

import torch

from mmdemo.process import logs


def leads() -> bool:
    """Return whether this is the process that speaks and writes; the only one leads."""
    return rank() == 0


def rank() -> int:
    """Return which of the processes this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def number() -> int:
    """Return how many processes learn together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def agreed(value: Any) -> Any:
    """Return the leading process's `value` in all of them: what decides must be the same everywhere."""
    if not _together():
        return value
    objects = [value]
    torch.distributed.broadcast_object_list(objects)
    return objects[0]


def wait() -> None:
    """Return once all processes have come this far."""
    if _together():
        torch.distributed.barrier()


def _together() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def say(text: str) -> None:
    """Tell how far it is, once."""
    if leads():
        logs.say(text)
