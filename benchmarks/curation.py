"""How well planted wrong labels are suspected, and what holding them back does to what is learned.

python -m benchmarks.curation ../shared/data/spoken_digits [--corrections 300] [--kept build/curation]

Corrections are drawn from dev, which the base never learned from; a share of their labels is replaced by another one,
drawn evenly. What is suspected is compared with what was planted. Then a head learns on what the base's head answers
from: all corrections, those that are not held back, and those that are right; each is judged on the rest of dev. The
labels of the data themselves are taken to be right, which not all of them are.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from annotations.nightly import curation
from benchmarks import represented
from benchmarks.frozen import drawn
from mmdemo import tasks
from mmdemo.training.manifests import Row

SHARES = (0.0, 0.05, 0.2)
SEEDS = 20
LEARNED = 0.01  # inverse penalty of the head that learns
COLUMNS = (
    "wrong",
    "held back",
    "precision",
    "recall",
    "of right ones held back",
    "accuracy, all learned",
    "without those held back",
    "difference in points",
    "right ones alone",
)


def main() -> None:
    """Print the table of one task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the task's folder, with dev.jsonl")
    parser.add_argument("--corrections", type=int, default=300, help="at most two thirds of dev")
    parser.add_argument("--judged", type=int, default=1500, help="rows of dev that are read at most")
    parser.add_argument(
        "--kept", type=Path, default=Path("build/curation"), help="folder for what the base makes of them"
    )
    args = parser.parse_args()
    task = tasks.get(args.data.name)
    rows = drawn(args.data / "dev.jsonl", task, args.judged)
    features = represented.of(task, rows, args.kept / f"{task.name}-dev").features
    number = min(args.corrections, 2 * len(rows) // 3)
    print(f"{task.name}: {number} corrections, judged on the other {len(rows) - number} of dev, {SEEDS} draws")
    print()
    print("| " + " | ".join(COLUMNS) + " |")
    print("|---" * len(COLUMNS) + "|")
    for share in SHARES:
        print(_line(share, [_one(task, rows, features, number, share, seed) for seed in range(SEEDS)]))


def _one(
    task: tasks.Task, rows: Sequence[Row], features: np.ndarray, number: int, share: float, seed: int
) -> np.ndarray:
    """Return suspected, right among the suspected, found among the wrong, … of one draw, and the three accuracies."""
    draw = np.random.default_rng(seed)
    order = draw.permutation(len(rows))
    chosen, rest = order[:number], order[number:]
    truth = np.array([task.label_names.index(row.label) for row in rows])
    wrong = draw.random(number) < share
    others = (truth[chosen] + draw.integers(1, len(task.label_names), number)) % len(task.label_names)
    labels = np.where(wrong, others, truth[chosen])
    corrections = [
        Row(str(place), rows[place].sample, task.label_names[label])
        for place, label in zip(chosen, labels, strict=True)
    ]
    suspicions = curation.label_suspicions(task, corrections, features[chosen])
    held_back = np.zeros(number, bool)
    held_back[np.argsort(-suspicions, kind="stable")[: int(curation.MOST * number)]] = True
    held_back &= suspicions > 0

    def accuracy(kept: np.ndarray) -> float:
        head = make_pipeline(StandardScaler(), LogisticRegression(C=LEARNED, max_iter=1000))
        return float((head.fit(features[chosen][kept], labels[kept]).predict(features[rest]) == truth[rest]).mean())

    planted, right = (held_back & wrong).sum(), (held_back & ~wrong).sum()
    with np.errstate(invalid="ignore"):
        shares = [held_back.mean(), planted / held_back.sum(), planted / wrong.sum(), right / (~wrong).sum()]
    return np.array([*shares, accuracy(np.ones(number, bool)), accuracy(~held_back), accuracy(~wrong)])


def _line(share: float, draws: Sequence[np.ndarray]) -> str:
    every = np.stack(draws)
    means = [f"{mean:.1%}" if np.isfinite(mean) else "–" for mean in _means(every)]
    gain = every[:, 5] - every[:, 4]
    reach = 1.96 * gain.std(ddof=1) / np.sqrt(len(gain))
    return (
        f"| {share:.0%} | " + " | ".join([*means[:6], f"{100 * gain.mean():+.1f} ± {100 * reach:.1f}", means[6]]) + " |"
    )


def _means(every: np.ndarray) -> list[float]:
    return [float(column[np.isfinite(column)].mean()) if np.isfinite(column).any() else np.nan for column in every.T]


if __name__ == "__main__":
    main()
