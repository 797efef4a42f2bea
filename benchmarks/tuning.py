"""What the ways to tune an encoder cost and bring, beside tuning all of it: captions of `sentiment` alone, a few steps.

python -m benchmarks.tuning TRAIN DEV --start FOLDER > benchmarks/tuning.md

FOLDER holds the text encoder's weights, such as all-MiniLM-L6-v2. Each way trains in a process of its own, one thread.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from mmdemo import tasks
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.data import Data
from mmdemo.training.data.datasets import Item
from mmdemo.training.fitting import tuning
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.jobs import Origin, TrainingJob, train_model
from mmdemo.training.manifests import Row
from mmdemo.training.objectives import label_figures
from mmdemo.training.options import Tuning, options
from mmdemo.values.samples import Inputs

SAMPLES, DEV_SAMPLES, EPOCHS, BATCH, SEED = 256, 256, 2, 16, 0
MAX_TOKENS = 32  # word pieces that are read of a caption


@dataclass(frozen=True)
class Cost:
    """What one way cost, and what it brought."""

    trained: int  # parameters of the encoder
    seconds: float  # of one core's work, whatever else the machine does
    peak_mb: float  # of the whole process
    accuracy: float
    macro_f1: float


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("dev", type=Path)
    parser.add_argument("--start", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    task = _captions(tasks.get("sentiment"))
    train_items, dev = (_some(path, task, count) for path, count in ((args.train, SAMPLES), (args.dev, DEV_SAMPLES)))
    print("# Ways to tune an encoder\n")
    print(
        f"{len(train_items)} captions of `sentiment`, {EPOCHS} epochs of {BATCH} a step; {len(dev)} captions of dev; "
        f"seed {SEED}, one thread, fp32. Few samples and steps: it ranks costs, not what each can reach.\n"
        "CPU seconds are one core's own work; the memory is that of the whole process.\n"
    )
    print(
        "| tuning | trained in the encoder | CPU seconds | peak MB | accuracy | macro-F1 |\n|---|---|---|---|---|---|"
    )
    for method in tuning.METHODS:
        cost = _alone(method, task, args.start, train_items, dev)
        print(
            f"| {method} | {cost.trained:,} | {cost.seconds:.0f} | {cost.peak_mb:.0f} "
            f"| {cost.accuracy:.3f} | {cost.macro_f1:.3f} |",
            flush=True,
        )


def _captions(task: Task) -> Task:
    return replace(
        task, modalities=("text",), encoders={"text": {**task.encoders["text"], "max_tokens": MAX_TOKENS}}, training={}
    )


def _some(path: Path, task: Task, count: int) -> list[Item]:
    rows: list[Row] = manifests.read(path, task)
    chosen = np.random.default_rng(SEED).permutation(len(rows))[:count]
    return [Item(Inputs(text=rows[index].sample.text), task.label_names.index(rows[index].label)) for index in chosen]


def _alone(method: Tuning, task: Task, start: Path, train_items: Sequence[Item], dev: Sequence[Item]) -> Cost:
    fork = multiprocessing.get_context("fork")  # shares what was imported and read
    answer = fork.SimpleQueue()
    process = fork.Process(target=lambda: answer.put(_cost(method, task, start, train_items, dev)))
    process.start()
    cost = answer.get()
    process.join()
    return cost


def _cost(method: Tuning, task: Task, start: Path, train_items: Sequence[Item], dev: Sequence[Item]) -> Cost:
    chosen = {"epochs": EPOCHS, "batch": BATCH, "seed": SEED, "precision": "fp32", "augment": False, "tuning": method}
    job = TrainingJob(task, options(task, **chosen), Origin({"text": start}))
    probe = job.fresh().model
    tuning.start(probe, method, tuning.Size(job.options.rank, 100), ("text",))
    trained = sum(p.numel() for p in probe.encoders.parameters() if p.requires_grad)
    del probe
    loaded = job.fresh()
    begun = time.process_time()
    train_model(job, loaded, Data(train_items))
    seconds = time.process_time() - begun
    metrics = label_figures(task, logits(loaded, dev), targets_of(dev))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{method}: {seconds:.0f} s", file=sys.stderr, flush=True)
    return Cost(trained, seconds, peak_mb, **metrics)


if __name__ == "__main__":
    main()
