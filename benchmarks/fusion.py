"""Every fusion on the same frozen encoders, beside single modalities and baselines.

python -m benchmarks.fusion DATA/sentiment > benchmarks/fusion.md

Without a network the encoders come from folders: --start image=FOLDER --start text=FOLDER.
"""

import argparse
import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.frozen import SEEDS, Ground, heading, judged, learn, learned, parser, prepare, scores, spread
from mmdemo.model.fusion import FUSIONS
from mmdemo.process.logs import say
from mmdemo.tasks import Task

TASK = "sentiment"


def main() -> None:
    """Print the table."""
    args = parser(__doc__ or "").parse_args()
    ground = prepare(TASK, args)
    print(f"# Fusions on {TASK}\n\n{heading(ground.train, ground.dev, args)}\n")
    print("| what | accuracy | macro-F1 | parameters that learn | processor seconds |\n|---|---|---|---|---|")
    for row in itertools.chain(_baselines(ground), _models(ground, args)):
        print(row, flush=True)


def _baselines(ground: Ground) -> Iterator[str]:
    right = ground.dev.labels.numpy()
    [(most, _)] = Counter(ground.train.labels.tolist()).most_common(1)
    yield _row("majority", [scores(right, np.full_like(right, most))], 0)
    for chosen in (("image",), ("text",), ("image", "text")):
        model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=200))
        model.fit(ground.train.means(chosen), ground.train.labels.numpy())
        size = model[-1].coef_.size + model[-1].intercept_.size
        baseline = scores(right, model.predict(ground.dev.means(chosen)))
        yield _row(f"logistic regression on mean tokens, {' + '.join(chosen)}", [baseline], size)


def _models(ground: Ground, args: argparse.Namespace) -> Iterator[str]:
    default = replace(ground.task, fusion={**ground.task.fusion, "type": "transformer"})
    for modality in ground.task.modalities:
        yield _measured(f"`transformer`, {modality} alone", ground, replace(default, modalities=(modality,)), args)
    for name in FUSIONS:
        yield _measured(f"`{name}`", ground, replace(default, fusion={**default.fusion, "type": name}), args)


def _measured(what: str, ground: Ground, task: Task, args: argparse.Namespace) -> str:
    runs, seconds, size = [], [], 0
    for seed in SEEDS:
        model, took = learn(ground, task, ground.train, args.epochs, seed)
        predicted = judged(model, ground.dev)[0].argmax(dim=1)
        runs.append(scores(ground.dev.labels.numpy(), predicted.numpy()))
        seconds.append(took)
        size = learned(model)
        say(f"{what}, seed {seed}: {runs[-1][0]:.3f}, {took:.0f} s")
    return _row(what, runs, size, f"{np.mean(seconds):.1f}")


def _row(what: str, runs: list[tuple[float, float]], size: int, seconds: str = "") -> str:
    accuracy, macro_f1 = zip(*runs, strict=True)
    return f"| {what} | {spread(accuracy)} | {spread(macro_f1)} | {size:,} | {seconds} |"


if __name__ == "__main__":
    main()
