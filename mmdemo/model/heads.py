"""What turns the answer token's features into an answer: one head a kind of answer, found in HEADS.

Further answers of a task are labels, whatever the kind of its own.

Letters of the shapes: b samples, m modalities that answer by themselves, k labels.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdemo.answers import CLASSIFICATION
from mmdemo.errors import CheckpointError

UNKNOWN = -100  # in place of a label that nobody gave; torch's own mark


class Head(nn.Module):
    """What every head promises: features (…, dim) → outputs (…, k), and the loss of these."""

    @property
    def outputs(self) -> int:
        """The number of its outputs, k."""
        raise TypeError("a head says itself how much it says")

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Return the mean loss of outputs (b, k); what targets (b, …) are, the kind's objective says."""
        raise TypeError("a head says itself what it loses")

    def widen(self, labels: int) -> None:
        """Make room for labels that are new."""
        raise TypeError("this kind of answer has no labels to add")

    def average(self, outputs: Tensor, voices: Tensor) -> Tensor:
        """Return what outputs (b, m, k) say together (b, k), of which `voices` (b, m) count."""
        raise TypeError("this kind of answer has no mean: take a fusion that answers once")

    def vote(self, outputs: Tensor, voices: Tensor) -> Tensor:
        """Return what most of outputs (b, m, k) say (b, k), of which `voices` (b, m) count."""
        raise TypeError("this kind of answer has no vote: take a fusion that answers once")


class ClassificationHead(Head):
    """One label out of several."""

    def __init__(self, dim: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(dim, labels)

    @property
    def outputs(self) -> int:
        """The number of labels."""
        return self.out.out_features

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (…, labels) float32 of features (…, dim)."""
        return self.out(self.dropout(features)).float()

    def widen(self, labels: int) -> None:
        """Add outputs until there are `labels`. A new one is at first an unlikely answer to all that has a sure one."""
        narrow = self.out
        self.out = nn.Linear(narrow.in_features, labels)
        with torch.no_grad():
            for wide, old in ((self.out.weight, narrow.weight), (self.out.bias, narrow.bias)):
                wide.zero_()
                wide[: len(old)] = old

    @staticmethod
    def probabilities(logits: Tensor) -> Tensor:
        """Return the probabilities float64, summing to 1 over the last dimension, of logits (…, labels).

        Raises CheckpointError where they are not finite: NaN lies under no threshold, and nobody would be asked.
        """
        probabilities = logits.double().softmax(dim=-1)
        if not torch.isfinite(probabilities).all():
            raise CheckpointError("answer_not_finite")
        return probabilities

    def loss(self, outputs: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy of logits; targets are indices (batch,) or shares (batch, labels)."""
        return F.cross_entropy(outputs, targets, label_smoothing=smoothing)

    @staticmethod
    def loss_of_known(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """Return the mean over the batch of the cross-entropy, which counts as 0 where a label (batch,) is UNKNOWN."""
        return F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum") / len(labels)

    def average(self, outputs: Tensor, voices: Tensor) -> Tensor:
        """Return the logarithm (b, k) of the mean probability of logits (b, m, k) over `voices` (b, m)."""
        log_probabilities = outputs.log_softmax(dim=-1).masked_fill(~voices[..., None], -torch.inf)
        return log_probabilities.logsumexp(dim=1) - voices.sum(dim=1, keepdim=True).log()

    def vote(self, outputs: Tensor, voices: Tensor) -> Tensor:
        """Return the logarithm (b, k) of vote shares: one a voice (b, m), for the likeliest of logits (b, m, k).

        The mean probabilities count as one more voice, whose vote is shared out: it decides where votes are even.
        """
        votes = F.one_hot(outputs.argmax(dim=-1), outputs.shape[-1]) * voices[..., None]  # (b, m, k)
        shared = self.average(outputs, voices).exp()  # (b, k)
        total = (votes.sum(dim=1) + shared) / (1 + voices.sum(dim=1, keepdim=True))
        return total.clamp_min(torch.finfo(total.dtype).tiny).log()


# Kind of answer → what builds its head of the width of its features, the number of labels, and the dropout.
HEADS: dict[str, Callable[[int, int, float], Head]] = {CLASSIFICATION: ClassificationHead}
