"""Small convolutional encoders that learn from scratch: pictures of a few pixels and log-mel spectrograms.

Letters of the shapes: b samples, c channels, f mel bands, t frames, s side of a square picture.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmdemo.model.encoders.interface import ModalityEncoder

IMAGE_CHANNELS = (32, 64, 128)  # 64 pixels → 8 × 8 regions
AUDIO_CHANNELS = (32, 64, 128, 192)  # each block halves the mel bands, the first three the frames
AUDIO_TIME_STRIDES = (2, 2, 2, 1)
FRAMES_PER_TOKEN = math.prod(AUDIO_TIME_STRIDES)  # 80 ms at a hop of 10 ms


class ResidualBlock(nn.Module):
    """Two 3 × 3 convolutions beside a shortcut (He et al. 2016), `mask`-ed so that padding stays zero."""

    def __init__(self, channels_in: int, channels: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.stride = stride
        self.first = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)
        self.shortcut_norm = nn.BatchNorm2d(channels)

    def forward(self, maps: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return maps (b, c, rows, columns) and the mask (b, 1, 1, columns) of their columns, both strided."""
        if mask is not None:
            mask = mask[..., :: self.stride[1]]
        inner = _masked(F.relu(self.first_norm(self.first(maps))), mask)
        inner = self.second_norm(self.second(inner))
        return _masked(F.relu(inner + self.shortcut_norm(self.shortcut(maps))), mask), mask


class SmallCnn(ModalityEncoder):
    """A picture encoder of 0.3 M parameters for drawings of 32 to 96 pixels; each block halves the side."""

    def __init__(self, size: int, channels: Sequence[int] = IMAGE_CHANNELS) -> None:
        super().__init__()
        widths = (3, *channels)
        self.blocks = nn.ModuleList(ResidualBlock(a, b, (2, 2)) for a, b in itertools.pairwise(widths))
        self.dim = channels[-1]
        side = -(-size // 2 ** len(channels))  # regions
        self.grid = (side, side)

    def hidden(self, pixel_values: Tensor) -> Tensor:  # type: ignore[override]
        """Return regions (b, rows · columns, dim) of pictures (b, 3, s, s), in reading order."""
        # Never with the channels last: the gradient of a 1 × 1 convolution of three channels at stride 2 then writes
        # past its memory (torch 2.11, two threads, five samples).
        maps = pixel_values.contiguous()
        for block in self.blocks:
            maps, _ = block(maps)
        return maps.flatten(2).transpose(1, 2)  # (b, rows · columns, dim)

    def tokens(self, hidden: Tensor, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return the regions; all are real."""
        return hidden, hidden.new_ones(hidden.shape[:2], dtype=torch.bool)


class LogMelCnn(ModalityEncoder):
    """A sound encoder of 0.9 M parameters: residual blocks over the log-mel spectrogram, one token for 8 frames."""

    def __init__(self, mels: int, channels: Sequence[int] = AUDIO_CHANNELS) -> None:
        super().__init__()
        widths = (1, *channels)
        self.blocks = nn.ModuleList(
            ResidualBlock(a, b, (2, stride))
            for a, b, stride in zip(widths, widths[1:], AUDIO_TIME_STRIDES, strict=False)
        )
        bands = -(-mels // 2 ** len(channels))  # mel bands that are left
        self.dim = channels[-1] * 2
        self.squeeze = nn.Conv1d(channels[-1] * bands, channels[-1], 1)

    def forward(self, audio_features: Tensor, audio_frames: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return tokens (b, tokens, dim) and which of them are real (b, tokens) bool.

        `audio_features` (b, f, t) float32 log-mel, zero behind the `audio_frames` (b,) of each sample.
        """
        steps = torch.arange(audio_features.shape[-1], device=audio_features.device)
        mask: Tensor | None = (steps < audio_frames[:, None])[:, None, None, :]  # (b, 1, 1, t)
        maps = _masked(audio_features[:, None], mask)  # (b, 1, f, t)
        for block in self.blocks:
            maps, mask = block(maps, mask)
        assert mask is not None
        strongest = maps.amax(dim=2)  # (b, c, tokens): whichever band it is in
        placed = self.squeeze(maps.flatten(1, 2))  # (b, c, tokens): knows the bands
        tokens = torch.cat([strongest, placed], dim=1).transpose(1, 2)  # (b, tokens, dim)
        return tokens, mask[:, 0, 0]


def _masked(maps: Tensor, mask: Tensor | None) -> Tensor:
    return maps if mask is None else maps * mask
