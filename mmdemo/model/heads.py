"""What turns the answer token's features into an answer: one head a kind of answer, found in HEADS.

A kind that joins later brings its head here and its figures to the evaluation; nothing else asks for the kind.
"""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F


class ClassificationHead(nn.Module):
    """One label out of several."""

    def __init__(self, dim: int, labels: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(dim, labels)

    def forward(self, features: Tensor) -> Tensor:
        """Return logits (batch, labels) float32 of features (batch, dim)."""
        return self.out(self.dropout(features)).float()

    @staticmethod
    def probabilities(logits: Tensor) -> Tensor:
        """Return the probabilities float64, summing to 1 over the last dimension, of logits (…, labels)."""
        return logits.double().softmax(dim=-1)

    @staticmethod
    def loss(logits: Tensor, labels: Tensor, smoothing: float = 0.0) -> Tensor:
        """Return the mean cross-entropy; labels are indices (batch,) or shares (batch, labels)."""
        return F.cross_entropy(logits, labels, label_smoothing=smoothing)


HEADS: dict[str, Callable[[int, int, float], ClassificationHead]] = {"classification": ClassificationHead}
