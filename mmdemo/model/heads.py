"""What turns the answer token's features into an answer: one head a kind of answer, found in HEADS.

A kind that joins later brings its head here and its figures to the evaluation; nothing else asks for the kind.

Letters of the shapes: b samples, m modalities that answer by themselves, k labels.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdemo.errors import CheckpointError

UNKNOWN = -100  # in place of a label that nobody gave; torch's own mark


class ClassificationHead(nn.Module):
    """One label out of several."""

    def __init__(self, dim: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(dim, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (…, labels) float32 of features (…, dim)."""
        return self.out(self.dropout(features)).float()

    def widen(self, labels: int) -> None:
        """Add outputs until there are `labels`. A new one is at first an unlikely answer to all that has a sure one."""
        narrow = self.out
        self.out = nn.Linear(narrow.in_features, labels)
        with torch.no_grad():
            for wide, known in ((self.out.weight, narrow.weight), (self.out.bias, narrow.bias)):
                wide.zero_()
                wide[: len(known)] = known

    @staticmethod
    def probabilities(logits: Tensor) -> Tensor:
        """Return the probabilities float64, summing to 1 over the last dimension, of logits (…, labels).

        Raises CheckpointError where they are not finite: NaN lies under no threshold, and nobody would be asked.
        """
        probabilities = logits.double().softmax(dim=-1)
        if not torch.isfinite(probabilities).all():
            raise CheckpointError("answer_not_finite")
        return probabilities

    @staticmethod
    def loss(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy; labels are indices (batch,) or shares (batch, labels)."""
        return F.cross_entropy(logits, labels, label_smoothing=smoothing)

    @staticmethod
    def loss_of_known(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """Return the mean over the batch of the cross-entropy, which counts as 0 where a label (batch,) is UNKNOWN."""
        return F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum") / len(labels)

    @staticmethod
    def average(logits: Tensor, voices: Tensor) -> Tensor:
        """Return the logarithm (b, k) of the mean probability of logits (b, m, k) over `voices` (b, m)."""
        said = logits.log_softmax(dim=-1).masked_fill(~voices[..., None], -torch.inf)
        return said.logsumexp(dim=1) - voices.sum(dim=1, keepdim=True).log()

    @staticmethod
    def vote(logits: Tensor, voices: Tensor) -> Tensor:
        """Return the logarithm (b, k) of vote shares: one a voice (b, m), for the likeliest of logits (b, m, k).

        The mean probabilities count as one more voice, whose vote is shared out: it decides where votes are even.
        """
        votes = F.one_hot(logits.argmax(dim=-1), logits.shape[-1]) * voices[..., None]  # (b, m, k)
        shared = ClassificationHead.average(logits, voices).exp()  # (b, k)
        total = (votes.sum(dim=1) + shared) / (1 + voices.sum(dim=1, keepdim=True))
        return total.clamp_min(torch.finfo(total.dtype).tiny).log()


HEADS: dict[str, Callable[[int, int, float], ClassificationHead]] = {"classification": ClassificationHead}
