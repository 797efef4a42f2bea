"""Several answers from one trunk, beside a model for each, on the same frozen encoders.

python -m benchmarks.heads DATA/sentiment > benchmarks/heads.md

Options are those of benchmarks.fusion, which can use what this one keeps with --kept.
"""

import argparse
from dataclasses import replace

import numpy as np
import torch

from benchmarks.frozen import (
    SEEDS,
    EncodedSamples,
    Ground,
    heading,
    judged,
    learn,
    learned,
    parser,
    prepare,
    scores,
    spread,
)
from mmdemo.model.heads import UNKNOWN
from mmdemo.process.logs import say
from mmdemo.settings import ROOT
from mmdemo.tasks import Task

TASK = ROOT / "examples" / "sentiment_heads.toml"
Figures = dict[str, list[tuple[float, float]]]  # answer → accuracy and macro-F1, a seed each


def main() -> None:
    """Print the table."""
    args = parser(__doc__ or "").parse_args()
    ground = prepare(str(TASK), args)
    print(f"# Sentiment, emotion and desire: together and each alone\n\n{heading(ground.train, ground.dev, args)}\n")
    print(
        "| answer | samples to learn from, to judge by | alone: accuracy | macro-F1 | together: accuracy | macro-F1 |"
    )
    print("|---|---|---|---|---|---|")
    alone, alone_size = _alone(ground, args)
    together, size = _together(ground, args)
    for number, name in enumerate(together):
        counts = " | ".join(_cells(runs[name]) for runs in (alone, together))
        train, dev = (int((_labels(kept, number) != UNKNOWN).sum()) for kept in (ground.train, ground.dev))
        print(f"| {name} | {train}, {dev} | {counts} |")
    print(f"\nThree models alone have {alone_size:,} parameters that learn, the one together {size:,}.")


def _together(ground: Ground, args: argparse.Namespace) -> tuple[Figures, int]:
    runs: Figures = {}
    size = 0
    for seed in SEEDS:
        model, seconds = learn(ground, ground.task, ground.train, args.epochs, seed)
        answer, further = judged(model, ground.dev)
        for number, (name, logits) in enumerate({"sentiment": answer, **further}.items()):
            runs.setdefault(name, []).append(_scores(logits, _labels(ground.dev, number)))
        size = learned(model)
        say(f"together, seed {seed}: {seconds:.0f} s")
    return runs, size


def _alone(ground: Ground, args: argparse.Namespace) -> tuple[Figures, int]:
    runs: Figures = {}
    size = 0
    for number, (name, task) in enumerate(_single(ground.task).items()):
        train, dev = (_having(kept, number) for kept in (ground.train, ground.dev))
        for seed in SEEDS:
            model, seconds = learn(ground, task, train, args.epochs, seed)
            logits, _ = judged(model, dev)
            runs.setdefault(name, []).append(_scores(logits, dev.labels))
            say(f"{name} alone, seed {seed}: {seconds:.0f} s")
        size += learned(model)
    return runs, size


def _single(task: Task) -> dict[str, Task]:
    """Return for each answer a task that asks for it alone."""
    alone = {"sentiment": replace(task, heads=())}
    return alone | {head.name: replace(task, labels=head.labels, heads=()) for head in task.heads}


def _labels(kept: EncodedSamples, number: int) -> torch.Tensor:
    """Return the labels (samples,) of an answer: 0 is the task's own, the further ones follow."""
    return kept.further[:, number - 1] if number else kept.labels


def _having(kept: EncodedSamples, number: int) -> EncodedSamples:
    """Return the samples that have the label of an answer, with that one as theirs."""
    labels = _labels(kept, number)
    rows = (labels != UNKNOWN).nonzero()[:, 0].tolist()
    return replace(kept.part(rows), labels=labels[rows])


def _scores(logits: torch.Tensor, labels: torch.Tensor) -> tuple[float, float]:
    known = labels != UNKNOWN
    return scores(labels[known].numpy(), logits[known].argmax(dim=1).numpy())


def _cells(runs: list[tuple[float, float]]) -> str:
    return " | ".join(spread(values) for values in np.array(runs).T.tolist())


if __name__ == "__main__":
    main()
