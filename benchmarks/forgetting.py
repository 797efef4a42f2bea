"""What a handful of narrow corrections does to a champion: plain fine-tuning beside what the night does.

python -m benchmarks.forgetting drawings                    the drawn shapes of the tour; needs no data
python -m benchmarks.forgetting TASK DEV [CORRECTIONS]      a shipped champion

DEV is a manifest that the champion was not trained on; CORRECTIONS another one, of samples unlike it. Without that one
half of DEV, parted by speaker or caption, is what people correct, and the other half is judged. Several tables in
benchmarks/forgetting.md: one run behind another, `>>`.
"""

import argparse
import copy
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from annotations.tour import drawings, first
from mmdemo import decode, tasks
from mmdemo.model import Loaded, MultimodalModel, MultimodalProcessor
from mmdemo.tasks import Task
from mmdemo.training import continual, manifests
from mmdemo.training.continual import Recipe
from mmdemo.training.data.datasets import Item, decode_rows
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.manifests import Row, splits
from mmdemo.training.options import Tuning
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED

COUNTS = (5, 20, 80)  # corrections
DRAWN = 160  # drawings of each look
SEED = 0


@dataclass(frozen=True)
class ForgettingGround:
    """A champion, and samples that it was not trained on."""

    title: str
    task: Task
    folder: Path
    rehearsed: list[Row]  # the task's examples
    pool: list[Row]  # what people may correct
    others: list[Row]  # of the same sources, never corrected
    dev: list[Row]  # like what the champion was trained on


@dataclass(frozen=True)
class Champion:
    """A loaded champion, and what it is asked about."""

    task: Task
    model: MultimodalModel
    processor: MultimodalProcessor
    rehearsed: list[Item]
    items: dict[str, Item]  # by id, decoded

    def accuracy(self, model: MultimodalModel, rows: Sequence[Row]) -> float:
        """Return the share of `rows` that `model` answers rightly."""
        return float(self._right(model, rows).mean()) if rows else float("nan")

    def wrong(self, rows: Sequence[Row]) -> list[Row]:
        """Return those that the champion answers wrongly."""
        return [row for row, right in zip(rows, self._right(self.model, rows), strict=True) if not right]

    def trained(self, rows: Sequence[Row], recipe: Recipe) -> MultimodalModel:
        """Return a challenger."""
        model = copy.deepcopy(self.model)
        recipe = replace(recipe, augmentation=continual.recipe_of(self.task).augmentation)
        corrected = [self.items[row.id] for row in rows]
        started = continual.started(self.task)
        loaded = Loaded(model, self.processor)
        continual.learn(loaded, corrected, recipe, rehearsed=self.rehearsed, started=started, seed=SEED)
        return model

    def _right(self, model: MultimodalModel, rows: Sequence[Row]) -> np.ndarray:
        items = [self.items[row.id] for row in rows]
        return logits(Loaded(model, self.processor), items).argmax(axis=1) == targets_of(items)


def main() -> None:
    """Print the table of one champion."""
    args = _parser().parse_args()
    with tempfile.TemporaryDirectory() as home:
        ground = _drawn(Path(home)) if args.task == "drawings" else _shipped(args.task, args.dev, args.corrections)
        model, processor = MultimodalModel.load(ground.folder)
        rows = [*ground.pool, *ground.others, *ground.dev]
        decoded = decode_rows(rows, ground.task, processor)
        items = {row.id: item for row, item in zip(rows, decoded, strict=True)}
        rehearsed = decode_rows(ground.rehearsed, ground.task, processor)
        champion = Champion(ground.task, model, processor, rehearsed, items)
        print(f"\n## {ground.title}\n")
        print("| corrections | way | those corrections | same kind, not corrected | dev |\n|---|---|---|---|---|")
        for name in args.kinds:
            for count in args.counts:
                _compare(champion, ground, name, count, args.ways)


def _compare(champion: Champion, ground: ForgettingGround, kind: str, count: int, ways: Sequence[str]) -> None:
    taken, same = KINDS[kind](champion, ground)
    taken = taken[:count]
    asked = {"taken": taken, "same": same, "dev": ground.dev}
    before = {name: champion.accuracy(champion.model, rows) for name, rows in asked.items()}
    print(f"| {len(taken)}, {kind} | champion | " + " | ".join(f"{value:.3f}" for value in before.values()) + " |")
    for way in ways:
        start = time.monotonic()
        model = champion.trained(taken, WAYS[way])
        accuracies = [champion.accuracy(model, rows) for rows in asked.values()]
        print(f"| | {way} | " + " | ".join(f"{value:.3f}" for value in accuracies) + " |", flush=True)
        print(f"{kind}, {len(taken)}, {way}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)


def _one_label(champion: Champion, ground: ForgettingGround) -> tuple[list[Row], list[Row]]:
    """Return the samples of the label that the champion gets wrong most often, and others of that label."""
    label = Counter(row.label for row in champion.wrong(ground.pool)).most_common(1)[0][0]
    return tuple([row for row in rows if row.label == label] for rows in (ground.pool, ground.others))  # type: ignore[return-value]


def _wrong_of_one_source(champion: Champion, ground: ForgettingGround) -> tuple[list[Row], list[Row]]:
    """Return what the champion gets wrong of the source where that is most, and others of that source."""
    wrong = champion.wrong(ground.pool)
    source = Counter(row.group for row in wrong).most_common(1)[0][0]
    return [row for row in wrong if row.group == source], [row for row in ground.others if row.group == source]


def _shipped(name: str, dev: Path, corrections: Path | None) -> ForgettingGround:
    task, folder = tasks.get(name), SHIPPED / name
    examples = manifests.examples(task)
    shown = {decode.sample_id(decode.decode(row.sample, task), task.name) for row in examples}
    rows = [
        row
        for row in manifests.read(dev, task)
        if decode.sample_id(decode.decode(row.sample, task), task.name) not in shown
    ]
    if corrections is None:
        half, pool = splits.calibration_split(rows, 0.5, task.split_by)
        title = _title(folder, f"half of {dev.name} corrected")
        return ForgettingGround(title, task, folder, examples, _mixed(pool), half, half)
    strange = _mixed(manifests.read(corrections, task))
    middle = len(strange) // 2
    title = _title(folder, f"corrections from {corrections.name}")
    return ForgettingGround(title, task, folder, examples, strange[:middle], strange[middle:], rows)


def _drawn(home: Path) -> ForgettingGround:
    start = first.prepare(home)
    folder = home / "versions" / first.TASK / start.version
    task = tasks.load_file(home / "tasks" / first.TASK_FILE.name)
    sheets = {
        f"{look}-{seed}": drawings.write(home / f"{look}-{seed}", drawings.drawings(look, DRAWN, seed))
        for look, seed in ((drawings.OUTLINE, 11), (drawings.OUTLINE, 12), (drawings.FILLED, 13))
    }
    pool, others, dev = ([replace(r, id=f"{n} {r.id}") for r in manifests.read(m, task)] for n, m in sheets.items())
    title = "drawn shapes: filled ones known, outlines corrected"
    return ForgettingGround(title, task, folder, manifests.examples(task), _mixed(pool), others, dev)


def _title(folder: Path, what: str) -> str:
    about = sidecar.read(folder)
    return f"{about.task}, {about.version}: {what}"


def _mixed(rows: Sequence[Row]) -> list[Row]:
    return [rows[index] for index in np.random.default_rng(SEED).permutation(len(rows))]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", help='a task with a shipped champion, or "drawings"')
    parser.add_argument("dev", type=Path, nargs="?")
    parser.add_argument("corrections", type=Path, nargs="?")
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS))
    return parser


KINDS: dict[str, Callable[[Champion, ForgettingGround], tuple[list[Row], list[Row]]]] = {
    "one label": _one_label,
    "wrong ones of one source": _wrong_of_one_source,
}

_HELD = Recipe(soften=0.0, rehearse=0.0)
WAYS = {
    "plain fine-tuning": replace(_HELD, pull=0.0, tuning=Tuning.FULL, freeze_statistics=False),
    "held: frozen encoders and statistics, L2-SP": _HELD,
    "held, and softened targets": replace(_HELD, soften=Recipe.soften),
    "held, and rehearsal": replace(_HELD, rehearse=Recipe.rehearse),
    "held, softened and rehearsed: the night": Recipe(),
}

if __name__ == "__main__":
    main()
