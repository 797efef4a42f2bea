"""What each trick of training brings: the same model with and without it, behind frozen encoders.

python -m benchmarks.tricks DATA/sentiment > benchmarks/tricks.md

Without a network the encoders come from folders: --start image=FOLDER --start text=FOLDER.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import softmax

from benchmarks.frozen import (
    SEEDS,
    EncodedSamples,
    drawn,
    heading,
    judged,
    keep,
    parser,
    scores,
    spread,
)
from mmdemo import tasks
from mmdemo.commands.train import starts_of
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.process.logs import say
from mmdemo.tasks import Task
from mmdemo.training.data import Data
from mmdemo.training.data.datasets import Item, decode_rows
from mmdemo.training.data.feature_cache import FeatureCache
from mmdemo.training.jobs import Origin, TrainingJob, train_model
from mmdemo.training.objectives import targets
from mmdemo.training.options import options

TASK = "sentiment"
COPIES = 2  # changed copies of each sample that are learned from
PLAIN: Mapping[str, Any] = {"tuning": "frozen", "copies": COPIES, "label_smoothing": 0.0}
# What is told → options over PLAIN.
TRICKS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "pictures not changed": {"augment": False},
    "labels smoothed by 0.05": {"label_smoothing": 0.05},
    "rare labels weigh more (`class_weights` 0.5)": {"class_weights": 0.5},
    "averaged weights (`ema` 0.99)": {"ema": 0.99},
    "contrast of caption and picture, 0.1": {"contrast": 0.1},
    "FGM, a hundredth of the tokens' length": {"adversarial": 0.01},
    "FGM, a tenth of the tokens' length": {"adversarial": 0.1},
    "PGD, three steps, a hundredth of the tokens' length": {"adversarial": 0.01, "adversarial_steps": 3},
    "a tenth of the words left out": {"word_dropout": 0.1},
    "a tenth of the words replaced": {"word_replacement": 0.1},
}
OF_COPIES = ("augment", "word_dropout", "word_replacement")  # options that change what the encoders see


@dataclass(frozen=True)
class TricksGround:
    """What models are trained and judged on."""

    task: Task
    starts: Mapping[str, str]
    epochs: int
    train: Sequence[Item]
    dev: EncodedSamples

    def learn(self, seed: int, items: Sequence[Item], changed: Mapping[str, Any], cache: FeatureCache) -> Loaded:
        """Return a model that learned from the items."""
        chosen = options(self.task, seed=seed, epochs=self.epochs, **{**PLAIN, **changed})
        job = TrainingJob(self.task, chosen, Origin(self.starts), cache)
        loaded = job.fresh()
        train_model(job, loaded, Data(items))
        return loaded

    def logits(self, model: MultimodalModel) -> np.ndarray:
        """Return what a model says of dev (n, labels), whose tokens are known."""
        return judged(model, self.dev)[0].numpy()


def main() -> None:
    """Print a row a trick."""
    args = parser(__doc__ or "").parse_args()
    ground = _ground(args)
    print(f"# Tricks of training on {TASK}\n\n{heading(ground.train, ground.dev, args)}\n")
    print("| beside the loss alone | accuracy | macro-F1 | more than nothing |\n|---|---|---|---|")
    caches: dict[tuple[Any, ...], FeatureCache] = {}
    plain: list[Loaded] = []
    runs: dict[str, list[np.ndarray]] = {}
    for name, trick in TRICKS.items():
        cache = caches.setdefault(tuple(map(trick.get, OF_COPIES)), FeatureCache(COPIES))
        models = [ground.learn(seed, ground.train, trick, cache) for seed in SEEDS]
        plain = plain or models
        runs[name] = [ground.logits(model) for model, _ in models]
        print(_row(name, runs[name], runs["nothing"], ground), flush=True)
    items = targets.distil(ground.train, plain, options(ground.task).distill)
    distilled = FeatureCache(COPIES)
    pupils = [ground.logits(ground.learn(seed, items, {}, distilled)[0]) for seed in SEEDS]
    print(_row("distilled from the three of the first row", pupils, runs["nothing"], ground))
    together = np.log(np.mean([softmax(one, axis=1) for one in runs["nothing"]], axis=0))
    print(_row("for comparison: the three of the first row together", [together], runs["nothing"], ground))


def _ground(args: argparse.Namespace) -> TricksGround:
    task = tasks.get(TASK)
    task = replace(task, fusion={**task.fusion, "dim": args.dim, "heads": 4}, training={})
    starts = starts_of(args.start, task)
    model, processor = MultimodalModel.build(task, starts)
    rows, dev = (
        drawn(args.data / "train.jsonl", task, args.samples),
        drawn(args.data / "dev.jsonl", task, args.judged),
    )
    return TricksGround(
        task, starts, args.epochs, decode_rows(rows, task, processor), keep(model, processor, dev, task)
    )


def _row(name: str, runs: Sequence[np.ndarray], plain: Sequence[np.ndarray], ground: TricksGround) -> str:
    right = ground.dev.labels.numpy()
    accuracy, macro_f1 = zip(*(scores(right, logits.argmax(axis=1)) for logits in runs), strict=True)
    usual = [scores(right, logits.argmax(axis=1))[0] for logits in plain]
    more = f"{np.mean(accuracy) - np.mean(usual):+.3f}" if runs is not plain else ""
    say(f"{name}: {spread(accuracy)}")
    return f"| {name} | {spread(accuracy)} | {spread(macro_f1)} | {more} |"


if __name__ == "__main__":
    main()
