"""From clips to what a sound encoder takes, and the way back from its tokens to seconds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torchaudio
import transformers
from torch import Tensor
from torch.nn import functional as F

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.model.encoders.cnn import FRAMES_PER_TOKEN
from mmdemo.model.frontends.stride import Stride

WINDOW_SAMPLES = SAMPLE_RATE_HZ * 25 // 1000  # 25 ms
HOP_SAMPLES = SAMPLE_RATE_HZ * 10 // 1000  # 10 ms
FFT_SAMPLES = 512
LOWEST_HZ = 50.0
FLOOR = 1e-5  # power under which a mel band of a clip of unit loudness counts as silent


class AudioFrontend:
    """Clips → what an encoder takes, padded behind each clip's end; says which token stands for which seconds."""

    longest: int | None = None  # samples that are heard; None: all

    @property
    def frames(self) -> Stride:
        """Samples → what goes into the encoder: frames, or the samples themselves."""
        raise TypeError("a frontend says itself what it makes")

    @property
    def tokens(self) -> Stride:
        """What goes into the encoder → its tokens."""
        raise TypeError("a frontend says itself what becomes of it")

    def features(self, clip: np.ndarray) -> Tensor:
        """Return (…, frames) float32 of a clip (samples,) float32."""
        raise TypeError("a frontend says itself how")

    def __call__(self, clips: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Return features (batch, …, longest) float32, zero behind each clip's end, and frames (batch,) int64."""
        width = self._steps.width
        padded = [np.pad(clip[: self.longest], (0, max(0, width - len(clip)))) for clip in clips]  # a token at least
        lengths = torch.tensor([self.frames.count(len(clip)) for clip in padded])
        features = [self.features(clip) for clip in padded]
        longest = max(item.shape[-1] for item in features)
        return torch.stack([F.pad(item, (0, longest - item.shape[-1])) for item in features]), lengths

    def edges(self, samples: int) -> tuple[float, ...]:
        """Return the edges in seconds of the tokens of a clip of that many samples; the last is its end."""
        end = min(samples, self.longest or samples)
        tokens = self._steps.count(max(end, self._steps.width))
        starts = (round(index * self._steps.stride / SAMPLE_RATE_HZ, 6) for index in range(tokens))
        return (*starts, end / SAMPLE_RATE_HZ)

    @property
    def _steps(self) -> Stride:
        return self.frames.then(self.tokens)


@dataclass(frozen=True)
class LogMelFrontend(AudioFrontend):
    """Log-mel spectrogram of a clip, whatever its loudness, for encoders that learn from scratch."""

    mels: int
    frames_per_token: int = FRAMES_PER_TOKEN

    @property
    def frames(self) -> Stride:
        """A frame stands for 10 ms; a rest shorter than that is left out."""
        return Stride(HOP_SAMPLES, HOP_SAMPLES)

    @property
    def tokens(self) -> Stride:
        """Tokens that begin before the end."""
        return Stride(1, self.frames_per_token)

    @cached_property
    def _mel(self) -> torchaudio.transforms.MelSpectrogram:
        return torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE_HZ, FFT_SAMPLES, WINDOW_SAMPLES, HOP_SAMPLES, f_min=LOWEST_HZ, n_mels=self.mels
        )

    def features(self, clip: np.ndarray) -> Tensor:
        """Return (mels, frames) float32, mean 0 and deviation 1 over the clip, of a clip (samples,) float32."""
        wave = torch.from_numpy(clip)
        wave = wave / wave.square().mean().sqrt().clamp_min(1e-8)
        wave = F.pad(wave, (0, max(0, FFT_SAMPLES - len(clip))))
        mel = (self._mel(wave)[:, : self.frames.count(len(clip))] + FLOOR).log()  # (mels, frames)
        return (mel - mel.mean()) / mel.std().clamp_min(1e-3)


@dataclass(frozen=True)
class ExtractorFrontend(AudioFrontend):
    """What a published model's own feature extractor makes of a clip: a scaled wave, or a spectrogram."""

    settings: Mapping[str, Any]  # of the feature extractor, its class among them
    frame_steps: tuple[int, int]  # width and stride of `frames`
    token_steps: tuple[int, int]  # width and stride of `tokens`
    longest: int | None = None
    time_first: bool = False  # it makes (frames, bands)
    padded: bool = True  # a spectrogram is as long as the model's window, whatever the clip
    margin: int = 0  # frames of silence on both sides of a clip that is not padded: what a model heard around words

    @property
    def frames(self) -> Stride:
        """As the family's row says."""
        return Stride(*self.frame_steps)

    @property
    def tokens(self) -> Stride:
        """As the family's row says."""
        return Stride(*self.token_steps)

    @cached_property
    def _extractor(self) -> Any:
        return getattr(transformers, self.settings["feature_extractor_type"]).from_dict(dict(self.settings))

    def features(self, clip: np.ndarray) -> Tensor:
        """Return (samples,) or (bands, frames) float32 of a clip (samples,) float32; each is scaled by itself."""
        if not self.padded:
            return self._short(clip)
        output = self._extractor(clip, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt")
        features = output[self._extractor.model_input_names[0]][0]
        return features.T if self.time_first else features

    def _short(self, clip: np.ndarray) -> Tensor:
        """Return (bands, frames) of a clip between its margins, padded no further than the Fourier transform needs."""
        padded = np.pad(clip, self.margin * self.frames.stride)
        padded = np.pad(padded, (0, max(0, self._extractor.n_fft - len(padded))))
        output = self._extractor(padded, sampling_rate=SAMPLE_RATE_HZ, return_tensors="pt", padding="longest")
        return output.input_features[0][:, : self.frames.count(len(clip)) + 2 * self.margin]
