"""How often speech is heard: in recordings of a manifest, and in sounds made here in which nobody speaks.

python -m benchmarks.speech MANIFEST.jsonl [--show]     what it printed stands in benchmarks/speech.md
"""

import argparse
import json
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdemo.checks import speech
from mmdemo.decode import SAMPLE_RATE_HZ, decode_audio
from mmdemo.tasks import Limits

LIMITS = Limits(audio_min_s=0.1, audio_max_s=60.0)
SECONDS = 4.0
EACH = 20  # sounds of a kind
TIME = np.arange(int(SECONDS * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
NOTES_HZ = 110 * 2 ** (np.arange(30) / 12)


@dataclass(frozen=True)
class Heard:
    """What the detector says of one recording."""

    name: str
    speech: bool
    took_ms: float


def judge(name: str, wave: np.ndarray) -> Heard:
    """Return what the detector says of a recording (samples,) float32."""
    start = time.perf_counter()
    heard = speech.is_heard(wave)
    return Heard(name, heard, (time.perf_counter() - start) * 1000)


def white(draw: np.random.Generator) -> np.ndarray:
    """Return hiss."""
    return draw.uniform(-1, 1, len(TIME))


def pink(draw: np.random.Generator) -> np.ndarray:
    """Return noise that swells and fades, as of wind or traffic."""
    spectrum = np.fft.rfft(draw.standard_normal(len(TIME)))
    wave = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), len(TIME))
    return wave * np.interp(TIME, np.linspace(0, SECONDS, 12), draw.uniform(0, 1, 12))


def tone(draw: np.random.Generator) -> np.ndarray:
    """Return one steady tone."""
    return np.sin(2 * np.pi * draw.uniform(60, 3_000) * TIME)


def clicks(draw: np.random.Generator) -> np.ndarray:
    """Return short knocks at random moments."""
    knock = draw.standard_normal(300) * np.exp(-np.arange(300) / 40)
    return np.convolve(draw.random(len(TIME)) < 2 / SAMPLE_RATE_HZ, knock)[: len(TIME)]


def struck(draw: np.random.Generator, ratios: tuple[float, ...]) -> np.ndarray:
    """Return notes, each of several pitches and their overtones, struck and dying away."""
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < len(TIME):
        moment = TIME[: int(draw.uniform(0.2, 1.0) * SAMPLE_RATE_HZ)]
        pitches = draw.choice(NOTES_HZ) * np.outer(ratios, range(1, int(draw.integers(2, 9)))).ravel()
        parts.append(np.sin(2 * np.pi * np.outer(moment, pitches)).sum(axis=1) * np.exp(-3 * moment))
    return np.concatenate(parts)[: len(TIME)]


SOUNDS = {
    "hiss": white,
    "swelling noise": pink,
    "steady tone": tone,
    "clicks": clicks,
    "melody of single notes": lambda draw: struck(draw, (1.0,)),
    "chords": lambda draw: struck(draw, (1.0, 1.26, 1.5)),
}


def main() -> None:
    """Print how many recordings would be refused, and how many sounds without speech would pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("--show", action="store_true", help="print the ids of recordings in which no speech is heard")
    asked = parser.parse_args()
    rows = [json.loads(line) for line in asked.manifest.read_text("utf-8").splitlines() if line]
    judged = [judge(row["id"], decode_audio(asked.manifest.parent / row["audio"], LIMITS)) for row in rows]
    refused = [item.name for item in judged if not item.speech]
    took = statistics.median(item.took_ms for item in judged)
    print(f"no speech heard in {asked.manifest.name}: {len(refused)} of {len(rows)}; median {took:.1f} ms a recording")
    for name in refused if asked.show else ():
        print(f"  {name}")
    draw = np.random.default_rng(0)
    for name, make in SOUNDS.items():
        waves = (make(draw) for _ in range(EACH))
        passed = sum(judge(name, (wave / np.abs(wave).max() / 2).astype(np.float32)).speech for wave in waves)
        print(f"speech heard in {name}: {passed} of {EACH}")


if __name__ == "__main__":
    main()
