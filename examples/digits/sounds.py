"""Sounds that are no word at all, and what becomes of words: cut, joined, played backwards, heard by telephone."""

import math
import random
from collections.abc import Callable, Sequence

import numpy as np
from scipy.signal import lfilter, resample_poly

from mmdemo.decode import SAMPLE_RATE_HZ

LOUDNESS = 0.1  # root mean square of what is made here
KEPT = (0.32, 0.42)  # share of a digit that is left of half a one: the ends of most are soft
GAP_S = (0.0, 0.35)  # between words that are joined
HEARD = 0.995  # share of the energy of what is said that stands before its end
SHORTEST_S = 0.12  # what is left of a digit is as long at least, with silence around it
MADE_S = (0.5, 2.5)  # length of what is no word


def half(audio: np.ndarray, chance: random.Random) -> np.ndarray:
    """Return the beginning or the end of a spoken digit (samples,), too little to tell which it was."""
    length = int(chance.uniform(*KEPT) * len(audio))
    part = faded(audio[:length] if chance.random() < 0.5 else audio[-length:])
    return np.pad(part, max(0, math.ceil((SHORTEST_S * SAMPLE_RATE_HZ - length) / 2)))


def joined(clips: Sequence[np.ndarray], chance: random.Random) -> np.ndarray:
    """Return clips one behind another, each as loud as the others."""
    parts = []
    for clip in clips:
        parts += [even(clip), np.zeros(int(chance.uniform(*GAP_S) * SAMPLE_RATE_HZ), np.float32)]
    return np.concatenate(parts[:-1])


def spliced(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the beginning of one word and the end of another."""
    return np.concatenate([faded(even(one)[: len(one) // 2]), faded(even(other)[len(other) // 2 :])])


def backwards(audio: np.ndarray) -> np.ndarray:
    """Return a clip played backwards."""
    return np.ascontiguousarray(audio[::-1])


def ending(audio: np.ndarray, length: int) -> np.ndarray:
    """Return at most `length` samples up to where next to nothing is heard any more."""
    energy = np.cumsum(np.square(audio, dtype=np.float64))
    last = int(np.searchsorted(energy, HEARD * energy[-1])) + 1
    return faded(audio[max(0, last - length) : last])


def telephone(audio: np.ndarray) -> np.ndarray:
    """Return a clip without what lies above 4 kHz, as recordings of 8 kHz sound."""
    return resample_poly(resample_poly(audio, 1, 2), 2, 1)[: len(audio)].astype(np.float32)


def even(audio: np.ndarray) -> np.ndarray:
    """Return a clip as loud as all others, never beyond full scale."""
    louder = audio * (LOUDNESS / max(float(np.sqrt(np.mean(audio**2))), 1e-6))
    return (louder / max(1.0, float(np.abs(louder).max()))).astype(np.float32)


def faded(audio: np.ndarray) -> np.ndarray:
    """Return a clip whose ends do not click."""
    ramp = min(len(audio) // 4, SAMPLE_RATE_HZ // 100)
    shape = np.ones(len(audio), np.float32)
    shape[:ramp] = np.linspace(0, 1, ramp)
    shape[len(shape) - ramp :] = np.linspace(1, 0, ramp)
    return audio * shape


def noise(chance: random.Random) -> np.ndarray:
    """Return noise whose power falls with frequency, more or less, and swells."""
    white = np.random.default_rng(chance.randrange(2**32)).standard_normal(_length(chance))
    coloured = lfilter([1.0], [1.0, -chance.choice((0.0, 0.5, 0.9, 0.98))], white)
    swell = 1 + chance.uniform(0, 0.9) * np.sin(2 * np.pi * chance.uniform(0.5, 6) * _time(len(white)))
    return even(coloured * swell)


def hum(chance: random.Random) -> np.ndarray:
    """Return the hum of a machine: a low tone with its harmonics, and some noise."""
    time, base = _time(_length(chance)), chance.choice((50.0, 60.0, chance.uniform(80, 240)))
    tones = [chance.random() / n * np.sin(2 * np.pi * base * n * time + chance.random()) for n in range(1, 12)]
    hiss = np.random.default_rng(chance.randrange(2**32)).standard_normal(len(time))
    return even(np.sum(tones, axis=0) + 0.05 * hiss)


def music(chance: random.Random) -> np.ndarray:
    """Return a few notes, some of them together, as of a plucked string or an organ."""
    length = _length(chance)
    wave, base = np.zeros(length), chance.uniform(110, 440)
    for _ in range(chance.randint(3, 9)):
        start = chance.randrange(length)
        time = _time(length - start)
        pitch = base * 2 ** (chance.choice((0, 2, 4, 5, 7, 9, 11, 12)) / 12)
        tone = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, chance.randint(2, 6)))
        wave[start:] += tone * np.exp(-time * chance.uniform(0.5, 8))
    return even(wave)


def _length(chance: random.Random) -> int:
    return int(chance.uniform(*MADE_S) * SAMPLE_RATE_HZ)


def _time(length: int) -> np.ndarray:
    return np.arange(length) / SAMPLE_RATE_HZ


MADE: dict[str, Callable[[random.Random], np.ndarray]] = {"noise": noise, "hum": hum, "music": music}
