"""Ways in which samples get worse outside of a data set, in three grades each. Pure: the same seed, the same damage.

Pictures and captions after Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions",
ICLR 2019; strengths are relative to the sample, so that its size or loudness does not matter.
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from scipy.signal import butter, sosfilt

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.values.samples import Inputs

GRADES = (1, 2, 3)  # light, medium, strong
TELEPHONE_LOW_HZ = 300
BAND_ORDER = 4  # of the telephone's filter
# Words that fit nearly everywhere and say nothing about what is felt or shown.
OTHER_WORDS = (
    "thing",
    "about",
    "other",
    "number",
    "part",
    "time",
    "between",
    "during",
    "several",
    "such",
    "item",
    "way",
)


@dataclass(frozen=True)
class Corruption:
    """One way to make a modality worse."""

    apply: Callable[[Any, float, np.random.Generator], Any]  # value, strength, draw → a value of the same form
    strengths: tuple[float, float, float]  # of the three grades
    meaning: str  # what a strength is; "{:g}" stands for it


def corrupt(inputs: Inputs, modality: str, name: str, grade: int, seed: int) -> Inputs:
    """Return the sample with one of its modalities made worse; `grade` is one of GRADES."""
    chosen = CORRUPTIONS[modality][name]
    worse = chosen.apply(getattr(inputs, modality), chosen.strengths[grade - 1], np.random.default_rng(seed))
    return dataclasses.replace(inputs, **{modality: worse})


def meaning(modality: str, name: str, grade: int) -> str:
    """Return what a grade does, with its unit."""
    chosen = CORRUPTIONS[modality][name]
    return chosen.meaning.format(chosen.strengths[grade - 1])


def _blur(image: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    radius = strength / 100 * max(image.shape[:2])
    return np.array(Image.fromarray(image).filter(ImageFilter.GaussianBlur(radius)))


def _pixel_noise(image: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    noisy = image + draw.normal(0, strength / 100 * 255, image.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _jpeg(image: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=int(strength))
    return np.array(Image.open(file))


def _crop(image: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    """Keep a window somewhere in the picture."""
    height, width = (max(1, round(side * strength / 100)) for side in image.shape[:2])
    top, left = draw.integers(image.shape[0] - height + 1), draw.integers(image.shape[1] - width + 1)
    return image[top : top + height, left : left + width]


def _typos(text: str, strength: float, draw: np.random.Generator) -> str:
    """Swap letters with the next sign, leave them out, or write them twice."""
    signs = list(text)
    letters = [place for place, sign in enumerate(signs) if sign.isalpha()]
    for place in _some(letters, strength, draw):
        slip = draw.integers(3)
        if slip == 0 and place + 1 < len(signs):
            signs[place], signs[place + 1] = signs[place + 1], signs[place]
        else:
            signs[place] = "" if slip == 1 else signs[place] * 2
    return "".join(signs) if "".join(signs).strip() else text


def _dropped(text: str, strength: float, draw: np.random.Generator) -> str:
    words = text.split()
    gone = set(_some(range(len(words)), strength, draw))
    return " ".join(word for place, word in enumerate(words) if place not in gone) or text


def _replaced(text: str, strength: float, draw: np.random.Generator) -> str:
    words = text.split()
    for place in _some(range(len(words)), strength, draw):
        words[place] = str(draw.choice(OTHER_WORDS))
    return " ".join(words)


def _some(places: Any, strength: float, draw: np.random.Generator) -> list[int]:
    """Return `strength` per cent of the places, at least one where there is any."""
    number = min(len(places), max(1, round(len(places) * strength / 100)))
    return [int(place) for place in draw.choice(places, number, replace=False)] if number else []


def _background(audio: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    """Add pink noise, the colour of rooms and streets, at a ratio of the powers in dB."""
    spectrum = np.fft.rfft(draw.standard_normal(len(audio)))
    noise = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(audio))
    wanted = np.sqrt(np.square(audio).mean()) / 10 ** (strength / 20)
    return _unit(audio + noise * wanted / np.sqrt(np.square(noise).mean()))


def _clipping(audio: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    """Cut off what lies above a level under the peak, as an overdriven microphone does, at the same loudness."""
    ceiling = float(np.abs(audio).max()) / 10 ** (strength / 20)
    cut = np.clip(audio, -ceiling, ceiling)
    return _unit(cut * np.sqrt(np.square(audio).mean() / np.square(cut).mean()))


def _telephone(audio: np.ndarray, strength: float, draw: np.random.Generator) -> np.ndarray:
    band = butter(BAND_ORDER, (TELEPHONE_LOW_HZ, strength), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    return _unit(sosfilt(band, audio))


def _unit(audio: np.ndarray) -> np.ndarray:
    return (audio / max(1.0, float(np.abs(audio).max()))).astype(np.float32)


CORRUPTIONS: dict[str, dict[str, Corruption]] = {
    "image": {
        "blur": Corruption(_blur, (0.5, 1.0, 2.0), "radius {:g} % of the longer side"),
        "noise": Corruption(_pixel_noise, (5, 10, 20), "deviation {:g} % of white"),
        "JPEG": Corruption(_jpeg, (30, 15, 5), "quality {:g}"),
        "crop": Corruption(_crop, (90, 75, 50), "{:g} % of each side kept"),
    },
    "text": {
        "typos": Corruption(_typos, (3, 8, 15), "{:g} % of the letters"),
        "dropped words": Corruption(_dropped, (10, 25, 50), "{:g} % of the words"),
        "replaced words": Corruption(_replaced, (10, 25, 50), "{:g} % of the words"),
    },
    "audio": {
        "background noise": Corruption(_background, (20, 10, 0), "{:g} dB below the voice"),
        "clipping": Corruption(_clipping, (6, 12, 20), "{:g} dB under the peak"),
        "telephone band": Corruption(_telephone, (3_400, 2_400, 1_700), "300 to {:g} Hz"),
    },
}
