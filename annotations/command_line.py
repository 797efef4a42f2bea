"""What the commands of `python -m annotations` share: what one answers, and an argument that is checked."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class LoopResult:
    """As JSON, and as lines for a person."""

    value: Any
    lines: Sequence[str]
    code: int = 0  # with which it ends


def natural(word: str) -> int:
    """Return the number that an argument gives. Raises ArgumentTypeError."""
    if not word.isdecimal():
        raise argparse.ArgumentTypeError(f"{word!r} is not a whole number from 0 up")
    return int(word)
