"""What it costs to read strangers' files in a child process: the same files in both ways, in turns, in one run.

python -m benchmarks.decoding      what it printed stands in benchmarks/decoding.md
"""

import contextlib
import io
import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from mmdemo.decode import decode_audio, decode_image, encode_audio, pool
from mmdemo.tasks import Limits

ROUNDS = 41
LIMITS = Limits()


def photograph(width: int, height: int) -> bytes:
    """Return a JPEG of soft noise: about as many bytes a pixel as a photograph."""
    coarse = np.random.default_rng(0).integers(0, 256, (height // 8, width // 8, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue()


def recording(seconds: float) -> bytes:
    """Return a FLAC of noise."""
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, int(seconds * 16_000))
    return encode_audio(noise.astype(np.float32))


def cpu_ms(readers: pool.DecoderPool) -> float:
    """Return the CPU time that this process and its children have taken, in ms; of children where /proc tells."""
    ticks = 0
    for pid in readers.pids:
        stat = Path(f"/proc/{pid}/stat")
        ticks += sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) if stat.exists() else 0
    return (time.process_time() + ticks / os.sysconf("SC_CLK_TCK")) * 1_000


def in_turns(readers: pool.DecoderPool, *calls: Callable[[], object]) -> list[tuple[float, float]]:
    """Return for each call what it took, in ms: by the clock, in the quickest quarter of its turns, and of CPU time.

    They are called in turns, so that a busy machine slows all alike.
    """
    took: list[list[float]] = [[] for _ in calls]
    cpu = [0.0] * len(calls)
    for turn in range(ROUNDS + 1):
        for number, call in enumerate(calls):
            start, before = time.perf_counter(), cpu_ms(readers)
            call()
            if turn:  # the first warms up
                took[number].append((time.perf_counter() - start) * 1_000)
                cpu[number] += (cpu_ms(readers) - before) / ROUNDS
    return [(statistics.quantiles(times, n=4)[0], spent) for times, spent in zip(took, cpu, strict=True)]


def main() -> None:
    """Print a row a file: in this process, in a child, and what the child adds."""
    files: dict[str, tuple[str, Callable[..., np.ndarray], bytes]] = {
        "picture, 640 × 480": ("image", decode_image, photograph(640, 480)),
        "picture, 2,000 × 1,500": ("image", decode_image, photograph(2_000, 1_500)),
        "picture, 4,000 × 3,000": ("image", decode_image, photograph(4_000, 3_000)),
        "sound, 3 s": ("audio", decode_audio, recording(3)),
        "sound, 30 s": ("audio", decode_audio, recording(30)),
    }
    print("| file | kB | here, ms | in a child, ms | more, ms | CPU here, ms | CPU with a child, ms |")
    print("|---|---|---|---|---|---|---|")
    with contextlib.closing(pool.DecoderPool(1)) as readers:
        for name, (modality, read, content) in files.items():
            (here, own), (there, both) = in_turns(
                readers,
                partial(read, content, LIMITS),
                partial(readers.read, modality, content, LIMITS),
            )
            sizes = f"{len(content) / 1e3:,.0f} | {here:.1f} | {there:.1f} | {there - here:+.1f}"
            print(f"| {name} | {sizes} | {own:.1f} | {both:.1f} |")


if __name__ == "__main__":
    main()
