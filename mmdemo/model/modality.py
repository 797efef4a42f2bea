"""What every encoder promises: the tokens of one modality, and which of them are real."""

from torch import Tensor, nn


class ModalityEncoder(nn.Module):
    """Tensors of one modality → its tokens."""

    dim: int  # width of a token
    grid: tuple[int, int] | None = None  # rows and columns, where the tokens are regions of a picture

    def forward(self, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (batch, n, dim) float32 and which of them are real (batch, n) bool."""
        raise TypeError("an encoder says itself what it takes")
