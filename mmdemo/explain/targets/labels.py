"""How far logits speak for labels: letters of the shapes: b samples, k labels."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdemo.model.heads import ClassificationHead, Head
from mmdemo.values.analysis import ExplanationTarget


def answered(logits: Tensor, labels: Sequence[str]) -> str:
    """Return the likeliest label of logits (k,)."""
    return labels[int(logits.argmax())]


def check(value: str, labels: Sequence[str]) -> bool:
    """Tell whether a version knows a label."""
    return value in labels


def log_odds(logits: Tensor, labels: Sequence[str], targets: Sequence[ExplanationTarget]) -> Tensor:
    """Return (b, targets) of logits (b, k): how far each target leads, as the logarithm of its odds.

    Against one label that is the difference of their logits; against all others ln p − ln (1 − p). A logit alone
    would say nothing: a number added to all of them changes no answer.
    """
    return torch.stack([_lead(logits, labels, target) for target in targets], dim=1)


def probability(head: Head, logits: Tensor, labels: Sequence[str], targets: Sequence[ExplanationTarget]) -> Tensor:
    """Return (b, targets) float64 of calibrated logits (b, k): each target's probability.

    Against one label it is the probability out of the two of them, so that a target and the label that it is explained
    against swap their places as p and 1 − p do. Where nobody is left to answer (a fusion of opinions), each label is as
    likely.
    """
    probabilities = ClassificationHead.probabilities(logits)  # (b, k)
    probabilities = probabilities.nan_to_num(1 / probabilities.shape[1])
    return torch.stack([_likely(probabilities, labels, target) for target in targets], dim=1)


def _likely(probabilities: Tensor, labels: Sequence[str], target: ExplanationTarget) -> Tensor:
    likely = probabilities[:, labels.index(target.value)]  # (b,)
    if target.against is None:
        return likely
    both = likely + probabilities[:, labels.index(target.against)]
    return torch.where(both > 0, likely / both.clamp_min(torch.finfo(both.dtype).tiny), 0.5)  # neither: as likely


def _lead(logits: Tensor, labels: Sequence[str], target: ExplanationTarget) -> Tensor:
    others = [label for label in labels if label != target.value] if target.against is None else [target.against]
    rivals = logits[:, [labels.index(label) for label in others]]  # (b, others)
    return logits[:, labels.index(target.value)] - rivals.logsumexp(dim=1)  # (b,)
