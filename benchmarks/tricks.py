"""What each way to train brings on voices never heard: `spoken_digits`, a speaker left out in turn.

python -m benchmarks.tricks MANIFEST MANIFEST --leave-out theo george nicolas > benchmarks/tricks.md

The manifests are put together; of the speakers that are learned from, a few hundred clips are drawn.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax

from mmdemo import tasks
from mmdemo.tasks import Task
from mmdemo.training.datasets import Item, decode_rows
from mmdemo.training.folder import figures
from mmdemo.training.inference import labels, logits
from mmdemo.training.lessons import Lesson, teach
from mmdemo.training.manifests import Row, read
from mmdemo.training.options import options

SAMPLES, EPOCHS, SEED = 800, 10, 0
WAYS: dict[str, dict[str, Any]] = {
    "nothing": {"augment": False, "label_smoothing": 0.0},
    "label smoothing 0.05": {"augment": False},
    "augmentation": {"label_smoothing": 0.0},
    "both": {},
    "both, moving average 0.98": {"ema": 0.98},
    "both, mixup 0.4": {"mixup": 0.4},
    "both, worst steps (FGM) 0.1": {"adversarial": 0.1},
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("--leave-out", nargs="+", required=True, metavar="SPEAKER")
    given = parser.parse_args()
    torch.set_num_threads(1)
    task = tasks.get("spoken_digits")
    rows = [row for path in given.manifests for row in read(path, task)]
    print("# What each way to train brings\n")
    print(
        f"`spoken_digits`: {SAMPLES} clips of the other speakers, {EPOCHS} epochs, seed {SEED}; accuracy on all\n"
        "clips of the speaker left out. One seed: a point or two is chance. Loss: mean negative log-likelihood.\n"
    )
    print(f"| way | {' | '.join(given.leave_out)} | mean | loss |")
    print("|---|" + "---|" * (len(given.leave_out) + 2))
    for way, changed in WAYS.items():
        found = [_left_out(speaker, task, rows, changed) for speaker in given.leave_out]
        accuracies = [f"{accuracy:.3f}" for accuracy, _ in found]
        accuracy, loss = np.mean(found, axis=0)
        print(f"| {way} | {' | '.join(accuracies)} | {accuracy:.3f} | {loss:.3f} |", flush=True)
        print(f"{way}: {accuracy:.3f}", file=sys.stderr, flush=True)


def _left_out(speaker: str, task: Task, rows: Sequence[Row], changed: dict[str, Any]) -> tuple[float, float]:
    """Return accuracy and loss on a speaker of a model that learned from the others."""
    chosen = {**task.training, "ema": 0.0, "epochs": EPOCHS, "seed": SEED, **changed}
    lesson = Lesson(task, options(task, **chosen))
    model, processor = lesson.fresh()
    others = [row for row in rows if row.group != speaker]
    drawn = np.random.default_rng(SEED).permutation(len(others))[:SAMPLES]
    teach(lesson, model, processor, decode_rows([others[index] for index in drawn], task, processor))
    held: list[Item] = decode_rows([row for row in rows if row.group == speaker], task, processor)
    said, right = logits(model, processor, held), labels(held)
    loss = -log_softmax(said, axis=1)[np.arange(len(right)), right].mean()
    return figures(said, right)["accuracy"], float(loss)


if __name__ == "__main__":
    main()
