"""From clips to what a sound encoder takes, and the way back from its tokens to seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
import torchaudio
from torch import Tensor

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.model.cnn import FRAMES_PER_TOKEN
from mmdemo.model.steps import Steps

WINDOW_SAMPLES = SAMPLE_RATE_HZ * 25 // 1000  # 25 ms
HOP_SAMPLES = SAMPLE_RATE_HZ * 10 // 1000  # 10 ms
FFT_SAMPLES = 512
LOWEST_HZ = 50.0
FLOOR = 1e-5  # power under which a mel band of a clip of unit loudness counts as silent


@dataclass(frozen=True)
class LogMelFrontend:
    """Log-mel spectrogram of a clip, whatever its loudness, for encoders that learn from scratch."""

    mels: int
    frames_per_token: int = FRAMES_PER_TOKEN

    @property
    def steps(self) -> Steps:
        """The encoder's tokens in samples. A frame stands for 10 ms; a rest shorter than that is left out."""
        return Steps(HOP_SAMPLES, HOP_SAMPLES).then(Steps(1, self.frames_per_token))

    @cached_property
    def _mel(self) -> torchaudio.transforms.MelSpectrogram:
        return torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE_HZ, FFT_SAMPLES, WINDOW_SAMPLES, HOP_SAMPLES, f_min=LOWEST_HZ, n_mels=self.mels
        )

    def features(self, audio: np.ndarray) -> Tensor:
        """Return (mels, frames) float32, mean 0 and deviation 1 over the clip, of a clip (samples,) float32."""
        wave = torch.from_numpy(audio)
        wave = wave / wave.square().mean().sqrt().clamp_min(1e-8)
        frames = max(1, len(audio) // HOP_SAMPLES)
        mel = (self._mel(_at_least(wave, FFT_SAMPLES))[:, :frames] + FLOOR).log()  # (mels, frames)
        return (mel - mel.mean()) / mel.std().clamp_min(1e-3)

    def __call__(self, clips: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Return features (batch, mels, longest) float32, zero behind each clip's end, and frames (batch,) int64."""
        features = [self.features(clip) for clip in clips]
        lengths = torch.tensor([item.shape[1] for item in features])
        padded = torch.zeros(len(clips), self.mels, int(lengths.max()))
        for row, item in zip(padded, features, strict=True):
            row[:, : item.shape[1]] = item
        return padded, lengths


def edges(steps: Steps, samples: int) -> tuple[float, ...]:
    """Return the edges in seconds of the tokens of a clip of that many samples; the last is its end."""
    tokens = max(1, steps.count(samples))
    starts = (round(index * steps.stride / SAMPLE_RATE_HZ, 6) for index in range(tokens))
    return (*starts, samples / SAMPLE_RATE_HZ)


def _at_least(wave: Tensor, samples: int) -> Tensor:
    return torch.nn.functional.pad(wave, (0, max(0, samples - wave.shape[0])))
