"""What an explanation answers: why this label, and rather than which other; and the numbers that say how much so."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Question:
    """Why `target`, rather than `against`."""

    target: str
    against: str | None = None  # None: rather than anything else


def log_odds(logits: Tensor, labels: Sequence[str], questions: Sequence[Question]) -> Tensor:
    """Return (b, questions) of logits (b, labels): how far each target leads, as the logarithm of its odds.

    Against one label that is the difference of their logits; against all others ln p − ln (1 − p). A logit alone
    would say nothing: a number added to all of them changes no answer.
    """
    return torch.stack([_lead(logits, labels, question) for question in questions], dim=1)


def probability(probabilities: Tensor, labels: Sequence[str], questions: Sequence[Question]) -> Tensor:
    """Return (b, questions) of probabilities (b, labels): each target's, against one label out of the two of them.

    So a target and the label that it is explained against swap their places as p and 1 − p do.
    """
    return torch.stack([_likely(probabilities, labels, question) for question in questions], dim=1)


def _likely(probabilities: Tensor, labels: Sequence[str], question: Question) -> Tensor:
    target = probabilities[:, labels.index(question.target)]  # (b,)
    if question.against is None:
        return target
    both = target + probabilities[:, labels.index(question.against)]
    return torch.where(both > 0, target / both.clamp_min(torch.finfo(both.dtype).tiny), 0.5)  # neither: as likely


def _lead(logits: Tensor, labels: Sequence[str], question: Question) -> Tensor:
    others = [label for label in labels if label != question.target] if question.against is None else [question.against]
    rivals = logits[:, [labels.index(label) for label in others]]  # (b, others)
    return logits[:, labels.index(question.target)] - rivals.logsumexp(dim=1)  # (b,)
