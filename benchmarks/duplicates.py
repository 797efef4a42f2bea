"""How well near copies are told from different samples, and how long that takes.

python -m benchmarks.duplicates ../shared/data/spoken_digits [--samples 500] [--kept build/duplicates]

Rows of train are different samples: what is said to be a copy among them is a false alarm, unless it is one. Some of
them are changed as people's programs change files: saved anew, smaller, cropped, quieter. A changed one that is near
its original is found. The last lines time the search alone, on drawn vectors.
"""

import argparse
import io
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from annotations.nightly import curation
from benchmarks import represented
from benchmarks.frozen import drawn
from mmdemo import decode, tasks
from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.training.representations import Representations
from mmdemo.values.samples import Inputs, Sample

THRESHOLDS = (0.9, 0.93, 0.95, 0.96, 0.97, 0.98)
CHANGED = 100  # samples
Change = Callable[[Inputs], Sample]


def main() -> None:
    """Print the tables of one task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the task's folder, with train.jsonl")
    parser.add_argument("--samples", type=int, default=500, help="of train")
    parser.add_argument(
        "--kept", type=Path, default=Path("build/duplicates"), help="folder for what the base makes of them"
    )
    args = parser.parse_args()
    task = tasks.get(args.data.name)
    rows = drawn(args.data / "train.jsonl", task, args.samples)
    originals = represented.of(task, rows, args.kept / f"{task.name}-train")
    print(f"| {task.name}, {len(rows)} samples of train; cosine ≥ | " + " | ".join(map(str, THRESHOLDS)) + " |")
    print("|---" * (len(THRESHOLDS) + 1) + "|")
    print(_table_line("different samples that are taken for copies", [_false(originals, each) for each in THRESHOLDS]))
    inputs = [decode.decode(row.sample, task) for row in rows[:CHANGED]]
    for name, change in CHANGES.items():
        if change.needs <= set(inputs[0].modalities):
            shares = _found(task, rows, inputs, originals, args.kept / f"{task.name}-{name}", change)
            print(_table_line(name, shares))
    for number in (1_000, 10_000):
        print(f"{number} drawn samples: {_seconds(number):.1f} s")


class Changed:
    """A change of one modality."""

    def __init__(self, modality: str, change: Callable[[Any], object]) -> None:
        self.needs, self._modality, self._change = {modality}, modality, change

    def __call__(self, inputs: Inputs) -> Sample:
        """Return the changed sample."""
        whole = Sample(
            image=None if inputs.image is None else Image.fromarray(inputs.image),
            text=inputs.text or "",
            audio=None if inputs.audio is None else (inputs.audio, SAMPLE_RATE_HZ),
        )
        changed: dict[str, Any] = {self._modality: self._change(getattr(inputs, self._modality))}
        return replace(whole, **changed)


def _saved(quality: int, crop: float = 0.0, scale: float = 1.0) -> Callable[[np.ndarray], bytes]:
    def change(image: np.ndarray) -> bytes:
        height, width = image.shape[:2]
        top, left = int(height * crop), int(width * crop)
        picture = Image.fromarray(image[top : height - top, left : width - left])
        picture = picture.resize([max(32, int(side * scale)) for side in picture.size])
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        return buffer.getvalue()

    return change


def _cut(audio: np.ndarray) -> tuple[np.ndarray, int]:
    ends = SAMPLE_RATE_HZ // 20
    return (audio[ends:-ends] if len(audio) > 4 * ends else audio), SAMPLE_RATE_HZ


def _noisy(audio: np.ndarray) -> tuple[np.ndarray, int]:
    power = np.sqrt(np.square(audio).mean()) * 10 ** (-30 / 20)
    noise = np.random.default_rng(len(audio)).normal(size=len(audio)) * power
    return np.clip(audio + noise, -1, 1).astype(np.float32), SAMPLE_RATE_HZ


CHANGES: dict[str, Changed] = {
    "picture saved as JPEG of quality 50": Changed("image", _saved(50)),
    "picture of half the size": Changed("image", _saved(85, scale=0.5)),
    "picture cropped by 3 % on each side": Changed("image", _saved(90, crop=0.03)),
    "picture cropped by 8 % on each side": Changed("image", _saved(90, crop=0.08)),
    "caption in capitals": Changed("text", str.upper),
    "caption with an exclamation mark": Changed("text", lambda text: text + " !"),
    "caption denied": Changed("text", lambda text: "It is not true that " + text),
    "sound saved as MP3": Changed("audio", decode.encode_speech),
    "sound of half the loudness": Changed("audio", lambda audio: (audio * 0.5, SAMPLE_RATE_HZ)),
    "sound with noise at 30 dB": Changed("audio", _noisy),
    "sound cut by 50 ms at both ends": Changed("audio", _cut),
}


def _false(represented_rows: Representations, threshold: float) -> float:
    return float(curation.copied(represented_rows, 0, threshold).mean())


def _found(
    task: Task, rows: Sequence[Row], inputs: Sequence[Inputs], originals: Representations, kept: Path, change: Changed
) -> list[float]:
    changed = [replace(row, sample=change(each)) for row, each in zip(rows, inputs, strict=False)]
    copies = represented.of(task, changed, kept)
    number = len(changed)
    first = originals.of(range(number))
    there = [name for name in first.whitened if np.any(first.whitened[name])]
    cosines = np.stack([(first.whitened[name] * copies.whitened[name]).sum(axis=1) for name in there])  # (m, n)
    lacking = np.stack([~np.any(first.whitened[name], axis=1) for name in there])
    nearest = np.where(lacking, np.inf, cosines).min(axis=0)
    return [float((nearest >= each).mean()) for each in THRESHOLDS]


def _table_line(name: str, shares: Sequence[float]) -> str:
    return f"| {name} | " + " | ".join(f"{share:.1%}" for share in shares) + " |"


def _seconds(number: int) -> float:
    vectors = np.random.default_rng(0).normal(size=(number, 160)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    start = time.perf_counter()
    curation.copied(Representations(vectors, {"image": vectors, "text": vectors}), number // 3)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
