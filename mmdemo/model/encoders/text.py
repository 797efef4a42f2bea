"""Small text encoders that learn from scratch, word pieces included.

Letters of the shapes: b samples, n word pieces, d width of an encoder's token.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.encoders.recurrent import HIDDEN, run

PIECE_DIM = 128  # width of a word piece before its neighbours are looked at
KERNELS = (1, 3, 5)  # word pieces that a convolution sees: odd, so that each has one in its middle
FILTERS = 96  # of each kernel
DROPOUT = 0.3  # share of a piece's values that training hides: captions are few, words many


class TextCnn(ModalityEncoder):
    """Convolutions over word pieces (Kim 2014), without the pooling: the fusion looks at every place itself."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = _Pieces(pieces)
        self.convolutions = nn.ModuleList(nn.Conv1d(PIECE_DIM, FILTERS, k, padding=k // 2) for k in KERNELS)
        self.dim = FILTERS * len(KERNELS)

    def hidden(self, input_ids: Tensor, attention_mask: Tensor, text_mask: Tensor) -> Tensor:  # type: ignore[override]
        """Return tokens (b, n, d) of word pieces (b, n)."""
        embedded = self.pieces(input_ids, attention_mask).transpose(1, 2)  # (b, PIECE_DIM, n)
        features = torch.cat([F.relu(convolution(embedded)) for convolution in self.convolutions], dim=1)  # (b, d, n)
        return features.transpose(1, 2)

    def tokens(self, hidden: Tensor, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens, and which of them somebody wrote."""
        _, _, text_mask = arguments  # (b, n)
        return hidden[:, : text_mask.shape[1]], text_mask


class BiLstm(ModalityEncoder):
    """One LSTM forwards over the word pieces, one backwards (Graves and Schmidhuber 2005)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = _Pieces(pieces)
        self.lstm = nn.LSTM(PIECE_DIM, HIDDEN, batch_first=True, bidirectional=True)
        self.dim = 2 * HIDDEN

    def forward(self, input_ids: Tensor, attention_mask: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return tokens (b, n, d) of word pieces (b, n), and which of them somebody wrote."""
        embedded = self.pieces(input_ids, attention_mask)  # (b, n, PIECE_DIM)
        return run(self.lstm, embedded, attention_mask.sum(dim=1)), text_mask


class _Pieces(nn.Module):
    """What a word piece means, before its neighbours are looked at."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(pieces, PIECE_DIM)
        self.norm = nn.LayerNorm(PIECE_DIM)
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return (b, n, PIECE_DIM), zero where there is padding."""
        return self.dropout(self.norm(self.embedding(input_ids))) * attention_mask.unsqueeze(-1)
