"""Harmless changes to a sample, drawn anew each time it is trained on: a picture flipped, a sound sped up, noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import regex
from PIL import Image
from scipy.signal import butter, sosfilt
from torch import Tensor

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.training.options import Options
from mmdemo.values.samples import Inputs

SMALLEST_CUT = 0.7  # share of the picture's area that is kept at least
BRIGHTNESS = 0.2  # values are scaled by 1 ± this
SPEED = 0.12  # sound is played 1 ± this times as fast; pitch moves along, as between speakers
TILT = 0.6  # weight of a first-order filter that lifts or lowers the treble, as microphones and rooms do
NOISE_DB = (5.0, 40.0)  # signal over noise
NOISE_SHARE = 0.5  # of the clips
NARROW_SHARE = 0.25  # of the clips, which are heard as over a telephone or a cheap microphone
LOWEST_HZ, HIGHEST_HZ = (60.0, 350.0), (2500.0, 7000.0)  # edges of what is left of them
EDGE_S = 0.25  # silence that is put in front
LONGEST_S = 3.0  # a longer clip is cut to a stretch of this
MOMENT_S = 0.08  # what is muted at once
MUTED_SHARE = 0.6  # of the clips, where moments are muted at all
BAND_MASKS, FRAME_MASKS = 2, 2  # SpecAugment (Park et al. 2019)
BAND_WIDTH, FRAME_WIDTH = 0.15, 0.12  # widest mask, in shares of the spectrogram
_WORD = regex.compile(r"\p{Han}|[^\s\p{Han}]+")  # Chinese sets no spaces: each of its signs is one


def picture(image: np.ndarray, draw: np.random.Generator, mirror: bool = True) -> np.ndarray:
    """Return a picture (height, width, 3) uint8 of the same shape: cut, made darker or brighter, maybe flipped."""
    height, width, _ = image.shape
    share = np.sqrt(draw.uniform(SMALLEST_CUT, 1.0, size=2).clip(0, 1))
    rows, columns = (round(side * part) for side, part in zip((height, width), share, strict=True))
    top, left = draw.integers(0, height - rows + 1), draw.integers(0, width - columns + 1)
    box = (left, top, left + columns, top + rows)
    changed = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR, box=box)
    values = np.asarray(changed, np.float32) * draw.uniform(1 - BRIGHTNESS, 1 + BRIGHTNESS)
    if mirror and draw.random() < 0.5:
        values = values[:, ::-1]
    return values.clip(0, 255).astype(np.uint8)


def sound(audio: np.ndarray, draw: np.random.Generator, muted: float = 0.0) -> np.ndarray:
    """Return a clip (samples,) float32: a stretch of it behind a little silence, faster or slower, filtered.

    At times it is narrow, at times noisy, and at times up to `muted` of its moments are silent.
    """
    longest = int(LONGEST_S * SAMPLE_RATE_HZ)
    start = int(draw.integers(0, max(1, len(audio) - longest)))
    audio = audio[start : start + longest]
    speed = draw.uniform(1 - SPEED, 1 + SPEED)
    places = np.arange(0, len(audio) - 1, speed)
    changed = np.interp(places, np.arange(len(audio)), audio)
    tilt = draw.uniform(-TILT, TILT)
    changed[1:] += tilt * changed[:-1]
    if draw.random() < NARROW_SHARE:
        edges = [draw.uniform(*LOWEST_HZ), draw.uniform(*HIGHEST_HZ)]
        changed = sosfilt(butter(2, edges, "bandpass", fs=SAMPLE_RATE_HZ, output="sos"), changed)
    changed = np.concatenate([np.zeros(draw.integers(0, int(EDGE_S * SAMPLE_RATE_HZ))), changed])
    if draw.random() < NOISE_SHARE:
        level = np.sqrt(np.mean(changed**2)) * 10 ** (-draw.uniform(*NOISE_DB) / 20)
        changed = changed + draw.normal(0.0, level, len(changed))
    if muted and draw.random() < MUTED_SHARE:
        changed = changed * _heard(len(changed), draw.uniform(0.0, muted), draw)
    return changed.astype(np.float32)


def _heard(samples: int, muted: float, draw: np.random.Generator) -> np.ndarray:
    """Return what a clip is multiplied by (samples,): 0 in each of its moments with a chance of `muted`, else 1."""
    moment = round(MOMENT_S * SAMPLE_RATE_HZ)
    return np.repeat(draw.random(math.ceil(samples / moment)) >= muted, moment)[:samples]


@dataclass(frozen=True)
class WordNoise:
    """Words of a caption left out, or replaced by any of train's, the frequent ones most often.

    Unigram noising: Xie et al., "Data noising as smoothing in neural network language models", ICLR 2017, section 3.2.
    """

    dropped: float  # share of the words
    replaced: float  # share of the words
    known: tuple[str, ...]  # every word of train's captions, as often as it stands there

    def __call__(self, caption: str, draw: np.random.Generator) -> str:
        """Return the changed caption; what lies between its words stays, and so does one word at least."""
        matches = list(_WORD.finditer(caption))
        chance = draw.random(len(matches))
        if len(matches) and chance.max() < self.dropped:
            chance[draw.integers(len(matches))] = 1.0
        pieces, end = [], 0
        for match, drawn in zip(matches, chance, strict=True):
            pieces += [caption[end : match.start()], self._instead(match.group(), drawn, draw)]
            end = match.end()
        return "".join([*pieces, caption[end:]])

    def _instead(self, word: str, drawn: float, draw: np.random.Generator) -> str:
        if drawn < self.dropped:
            return ""
        if drawn < self.dropped + self.replaced and self.known:
            return self.known[draw.integers(len(self.known))]
        return word


def words(captions: Iterable[str]) -> tuple[str, ...]:
    """Return every word of the captions, as often as it stands there."""
    return tuple(word for caption in captions for word in _WORD.findall(caption))


@dataclass(frozen=True)
class Augmentation:
    """How samples are changed before they are learned from, by the names of the options that say so."""

    augment: bool = True  # pictures and sounds, and which of its captions stands for a sample
    mirror: bool = True
    moment_dropout: float = 0.0
    words: WordNoise | None = None

    @classmethod
    def of(cls, options: Options, words: WordNoise | None = None) -> Augmentation:
        """Return the changes that the options of a training ask for."""
        return cls(options.augment, options.mirror, options.moment_dropout, words)

    def __bool__(self) -> bool:
        """Return whether anything is changed."""
        return self.augment or self.words is not None

    def __call__(
        self, inputs: Inputs, captions: Sequence[str], draw: np.random.Generator, noisy: bool = True
    ) -> Inputs:
        """Return a changed copy of a decoded sample; any of `captions` may stand in for its own.

        Words change only where it may be `noisy`: a sentence whose label hangs on one "not" must keep it.
        """
        image, text, audio = inputs.image, inputs.text, inputs.audio
        if self.augment:
            image = None if image is None else picture(image, draw, self.mirror)
            audio = None if audio is None else sound(audio, draw, self.moment_dropout)
            text = text if text is None or not captions else (text, *captions)[draw.integers(1 + len(captions))]
        if noisy and self.words and text is not None:
            text = self.words(text, draw)
        return Inputs(image=image, text=text, audio=audio)


def mask_spectrogram(features: Tensor, frames: Tensor, draw: np.random.Generator) -> Tensor:
    """Return log-mel features (batch, mels, longest) with bands and stretches of each clip's frames set to 0."""
    features = features.clone()
    for clip, length in zip(features, frames.tolist(), strict=True):
        for _ in range(BAND_MASKS):
            _blank(clip, 0, clip.shape[0], BAND_WIDTH, draw)
        for _ in range(FRAME_MASKS):
            _blank(clip, 1, length, FRAME_WIDTH, draw)
    return features


def _blank(clip: Tensor, axis: int, length: int, widest: float, draw: np.random.Generator) -> None:
    width = int(draw.integers(0, int(widest * length) + 1))
    start = int(draw.integers(0, length - width + 1))
    clip.narrow(axis, start, width).zero_()
