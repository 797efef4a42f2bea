"""Thirty nights on a source that the base never met: what is gained there, and what is lost on the old ones.

python -m benchmarks.shifted_nights DATA --kept DIR            a piece of the runs
python -m benchmarks.shifted_nights DATA --kept DIR --table    what there is so far

The base has the shipped encoders, and learns what stands behind them from train's tokens without the withheld source or
speaker. Each night PER_NIGHT more of that one's samples are answered, rightly; of dev and of what was never sent of it,
the served version is judged.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
from scipy.stats import bootstrap

from annotations.nightly import gate
from annotations.nightly.looks import Look, next_size
from benchmarks import cached_nights
from benchmarks.cached_nights import CachedHome, KeptSample, Pieces
from mmdemo.model import Loaded
from mmdemo.process.logs import say
from mmdemo.tasks import Task
from mmdemo.training.data.datasets import Item, collate
from mmdemo.training.fitting.inference import targets_of

NIGHTS, PER_NIGHT, SEEDS = 30, 10, 5
EPOCHS, BATCH, LR = 15, 32, 1e-3
REMEMBERED, UNSENT = 400, 80


@dataclass(frozen=True)
class Shift:
    """A source that a base did not meet."""

    task: str
    name: str

    def is_new(self, sample: KeptSample) -> bool:
        """Return whether a sample is of it."""
        return self.name in (sample.row.group, sample.row.extra.get("speaker"))


SHIFTS = (Shift("speech_emotion", "emodb"), Shift("spoken_digits", "george"))


def main() -> None:
    """Do a piece of the runs, or print the table."""
    command_line = cached_nights.parser(__doc__)
    command_line.add_argument("--task", choices=[shift.task for shift in SHIFTS], help="months of this task alone")
    command_line.add_argument("--table", action="store_true")
    args = command_line.parse_args()
    pieces = Pieces(args.kept / "shifted.jsonl", args.seconds)
    for shift in [each for each in SHIFTS if not args.table and args.task in (None, each.task)]:
        for key in pieces.todo([f"{shift.task} | {shift.name} | {seed}" for seed in range(SEEDS)]):
            task, shipped = cached_nights.base_of(shift.task)
            folder = args.data / shift.task
            train, dev = (
                cached_nights.encoded(task, shipped, folder / name, args.kept) for name in ("train.jsonl", "dev.jsonl")
            )
            pieces.put(key, **_month(shift, task, shipped, train, dev, int(key.rpartition(" | ")[2])))
    if args.table:
        _print(pieces)


def _month(
    shift: Shift, task: Task, shipped: Loaded, train: Sequence[KeptSample], dev: Sequence[KeptSample], seed: int
) -> dict[str, object]:
    draw = cached_nights.seeded(seed)
    old = [each for each in train if not shift.is_new(each)]
    base = base_from(task, shipped, [each.item for each in old])
    site = CachedHome(task, base, [old[place] for place in draw.permutation(len(old))[:REMEMBERED]])
    new = [each.item for each in (*train, *dev) if shift.is_new(each)]
    new = [new[place] for place in draw.permutation(len(new))]
    unsent, sent = new[:UNSENT], new[UNSENT:]
    known = [each.item for each in dev if not shift.is_new(each)]
    aside = draw.random(len(sent)) < cached_nights.HELD_OUT
    champion, past, p_values = base, list[Look](), []
    judged = {"old": known, "new": unsent}
    first = last = {name: cached_nights.right(base, items) for name, items in judged.items()}
    promoted = 0
    for night in range(1, NIGHTS + 1):
        size = min(night * PER_NIGHT, len(sent))
        learned, held_out = ([sent[row] for row in range(size) if aside[row] == side] for side in (False, True))
        at = cached_nights.BEGIN + timedelta(days=night - 1)
        if len(held_out) < next_size(past):
            continue
        verdict, challenger = site.night(champion, learned, held_out, past, at, seed=seed)
        if challenger is None:
            continue
        past.append(Look(at, len(held_out), verdict.numbers["level"]))
        if verdict.name == gate.PROMOTED:
            champion, promoted = challenger, promoted + 1
            after = {name: cached_nights.right(champion, items) for name, items in judged.items()}
            p_values += [cached_nights.worse(last[name], after[name]) for name in judged]
            last = after
    result: dict[str, object] = {"promoted": promoted, "looks": len(past), "p_worse": p_values}
    for name in judged:
        result |= {f"{name}_first": float(first[name].mean()), f"{name}_last": float(last[name].mean())}
    say(f"{shift}, {seed}: {result}")
    return result


def base_from(task: Task, shipped: Loaded, items: Sequence[Item]) -> Loaded:
    """Return the shipped encoders with everything behind them learned anew from these items."""
    model = copy.deepcopy(shipped.model)
    for part in (model.projections, model.fusion, model.head):
        part.apply(model._init_weights)
    model.encoders.requires_grad_(False)
    learning = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=LR, weight_decay=0.05)
    steps = EPOCHS * -(-len(items) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, steps)
    batch_of = collate(shipped.processor)
    model.train()
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(items)).split(BATCH):
            batch = batch_of([items[row] for row in rows.tolist()])
            loss = model.head.loss(model(batch.inputs).logits, batch.targets, 0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    assert len(targets_of(items)) == len(items)
    return Loaded(model.requires_grad_(True).eval(), shipped.processor)


def _print(pieces: Pieces) -> None:
    print("| task | withheld | months | looks | promoted | old sources, points | withheld one, points |")
    print("|---|---|---|---|---|---|---|")
    p_values: list[float] = []
    for shift in SHIFTS:
        runs = [each for key, each in pieces.results.items() if key.startswith(f"{shift.task} | {shift.name} | ")]
        if not runs:
            continue
        p_values += [value for each in runs for value in each["p_worse"]]
        counts = [np.mean([each[name] for each in runs]) for name in ("looks", "promoted")]
        changes = [_change(runs, side) for side in ("old", "new")]
        cells = (shift.task, shift.name, len(runs), *(f"{each:.1f}" for each in counts), *changes)
        print("| " + " | ".join(map(str, cells)) + " |")
    count = cached_nights.refused_by_holm(p_values)
    print(f"\nOf {len(p_values)} comparisons of a version with the one before, {count} are significantly worse (Holm).")


def _change(runs: Sequence[dict[str, float]], side: str) -> str:
    """Return the mean change in points with its 95 % interval over the months."""
    changes = np.array([100 * (each[f"{side}_last"] - each[f"{side}_first"]) for each in runs])
    if len(changes) < 2 or np.ptp(changes) == 0:
        return f"{changes.mean():+.1f}"
    low, high = bootstrap((changes,), np.mean, rng=np.random.default_rng(0)).confidence_interval
    return f"{changes.mean():+.1f} ({low:+.1f} to {high:+.1f})"


if __name__ == "__main__":
    main()
