"""How long a night takes from corrections to a verdict, beside the bare encoding of these samples, and its memory.

python -m benchmarks.nights DATA --task speech_emotion --corrections 100 --corrections 1000     a process each

The bare encoding is what the encoders take for the decoded samples, in batches of 32 of like length. A night reads
the corrections, asks champion and challenger, trains, calibrates, writes and compares; the database is no part of it.
`--cpu` takes the processor's time in the place of the clock's, `--once` leaves out the second night.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from annotations.nightly import challenge, version_comparison
from mmdemo import tasks
from mmdemo.decode import decode, sample_id
from mmdemo.model import MultimodalModel
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.continual import memory
from mmdemo.training.data.datasets import decode_rows
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.fitting.inference import length
from mmdemo.training.manifests import Row
from mmdemo.versions.registry import SHIPPED, Versions

HELD_OUT, BATCH = 0.3, 32

Clock = Callable[[], float]  # seconds


def main() -> None:
    """Print a line of the table for each number of corrections, each measured in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", required=True)
    parser.add_argument("--corrections", type=int, action="append", required=True)
    parser.add_argument("--cpu", action="store_true", help="time the processor, where others use the machine too")
    parser.add_argument("--once", action="store_true", help="no second night, which has the tokens of the first")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        clock = time.process_time if args.cpu else time.perf_counter
        print(_measured(args.data, args.task, args.corrections[0], clock, nights=1 if args.once else 2))
        return
    print("| task | corrections | bare encoding, s | night, s | times | night once more, s | most memory, GB |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for count in args.corrections:
        words = [str(args.data), "--task", args.task, "--corrections", str(count), "--one"]
        words += [word for word in ("--cpu", "--once") if getattr(args, word[2:])]
        subprocess.run([sys.executable, "-m", "benchmarks.nights", *words], check=True)


def _measured(data: Path, name: str, count: int, clock: Clock, nights: int) -> str:
    task = tasks.get(name)
    rows = _rows(data, task, count)
    bare = _bare(task, rows, clock)
    train, held_out = _parted(rows)
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home))
        times = [_night(task, settings, train, held_out, f"n{number}", clock) for number in range(nights)]
    most_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cells = (
        name,
        count,
        f"{bare:.0f}",
        f"{times[0]:.0f}",
        f"{times[0] / bare:.1f}",
        *(f"{each:.0f}" for each in times[1:]),
        *(["–"] if nights == 1 else []),
        f"{most_gb:.1f}",
    )
    return "| " + " | ".join(map(str, cells)) + " |"


def _rows(data: Path, task: Task, count: int) -> list[Row]:
    rows = manifests.read(data / task.name / "train.jsonl", task)
    chosen = [rows[place] for place in np.random.default_rng(0).permutation(len(rows))[:count]]
    return [replace(row, id=sample_id(decode(row.sample, task), task.name)) for row in chosen]


def _parted(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    aside = np.random.default_rng(1).random(len(rows)) < HELD_OUT
    train, held_out = ([row for row, out in zip(rows, aside, strict=True) if out == side] for side in (False, True))
    return train, held_out


@torch.inference_mode()
def _bare(task: Task, rows: list[Row], clock: Clock) -> float:
    """Return the seconds of encoding decoded samples in batches."""
    model, processor = MultimodalModel.load(SHIPPED / task.name)
    items = sorted(decode_rows(rows, task, processor), key=length)
    start = clock()
    for first in range(0, len(items), BATCH):
        batch = processor([item.inputs for item in items[first : first + BATCH]]).batch
        for name, inputs in batch.modalities.items():
            inputs.encoded_by(model.encoders[name], torch.arange(len(inputs.present)))
    return clock() - start


def _night(task: Task, settings: Settings, train: list[Row], held_out: list[Row], version: str, clock: Clock) -> float:
    """Return the seconds from corrections to a comparison."""
    start = clock()
    versions, cache = Versions(settings), TokenCache(settings.tokens / task.name)
    base = versions.path(task.name, versions.base(task.name))
    asked = version_comparison.ComparisonSamples(held_out, memory=memory.load(base))
    out = versions.folder(task.name, version)
    before = version_comparison.answers_of(task, None, settings, asked, cache)
    challenge.teach(task, base, train, held_out, out, cache=cache)
    after = version_comparison.answers_of(task, version, settings, asked, cache)
    version_comparison.compare(task, before, after)
    return clock() - start


if __name__ == "__main__":
    main()
