"""Recurrence over padded sequences, and the small sound encoder that is made of it and learns from scratch.

Letters of the shapes: b samples, f mel bands, t frames, d width of an encoder's token.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.frontends.stride import Stride

FRAMES_PER_TOKEN = 4  # frames that are read at once: 40 ms
HIDDEN = 128  # of an LSTM, each way


class LogMelBiLstm(ModalityEncoder):
    """Two layers of LSTMs over the log-mel spectrogram, each reading it forwards and backwards."""

    def __init__(self, mels: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(mels * FRAMES_PER_TOKEN, HIDDEN, 2, batch_first=True, bidirectional=True)
        self.dim = 2 * HIDDEN

    def forward(self, audio_features: Tensor, audio_frames: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return tokens (b, tokens, d) and which of them are real (b, tokens) bool.

        `audio_features` (b, f, t) float32 log-mel, zero behind the `audio_frames` (b,) of each sample.
        """
        rest = -audio_features.shape[-1] % FRAMES_PER_TOKEN
        frames = F.pad(audio_features, (0, rest)).transpose(1, 2)  # (b, t, f)
        stacked = frames.reshape(len(frames), -1, FRAMES_PER_TOKEN * frames.shape[2])  # (b, tokens, 4 · f)
        lengths = Stride(1, FRAMES_PER_TOKEN).count(audio_frames)  # (b,) tokens
        real = torch.arange(stacked.shape[1], device=stacked.device) < lengths[:, None]
        return run(self.lstm, stacked, lengths), real


def run(lstm: nn.LSTM, sequences: Tensor, lengths: Tensor) -> Tensor:
    """Return what an LSTM says (b, n, d) of padded sequences (b, n, …), zero behind each one's length (b,) ≥ 1."""
    packed = pack_padded_sequence(sequences, lengths.cpu(), batch_first=True, enforce_sorted=False)
    outputs, _ = pad_packed_sequence(lstm(packed)[0], batch_first=True, total_length=sequences.shape[1])
    return outputs
