"""What an explanation is of: a value, and rather than which other; with the numbers that say how much so, by kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from mmdemo.answers import CLASSIFICATION
from mmdemo.explain.targets import labels
from mmdemo.model.heads import Head
from mmdemo.values.analysis import ExplanationTarget

__all__ = ["KINDS", "ExplanationTarget", "TargetKind"]


@dataclass(frozen=True)
class TargetKind:
    """How outputs of one kind of head speak for values. Of a version, `known` are all values that it can list."""

    answered: Callable[[Tensor, Sequence[str]], str]  # outputs (k,), known → the value that they say
    check: Callable[[str, Sequence[str]], bool]  # value, known → whether it can be explained
    log_odds: Callable[[Tensor, Sequence[str], Sequence[ExplanationTarget]], Tensor]  # outputs (b, k) → (b, targets)
    probability: Callable[[Head, Tensor, Sequence[str], Sequence[ExplanationTarget]], Tensor]  # the same, in [0, 1]


KINDS: dict[str, TargetKind] = {
    CLASSIFICATION: TargetKind(labels.answered, labels.check, labels.log_odds, labels.probability),
}
