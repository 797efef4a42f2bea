"""What a memory is worth: one night each, on cached tokens.

python -m benchmarks.memories DATA --kept DIR            a piece of the runs
python -m benchmarks.memories DATA --kept DIR --table    what there is so far

First by its size, and by how tokens are pooled. A source is withheld, as by `shifted_nights`, and a share of the
others' samples: the base learns from neither. What is answered is of the withheld source, rightly, and half of the
memory is rehearsed. Nobody judges the challenger, so what is lost is what the night itself loses. The same base,
corrections and order of samples for each.

Then the shipped bases with their own memory and without it: samples of dev are answered, others judge, and none of
either is in the memory. At last how often pooled tokens are answered as all of them are, and what a
temperature comes to that is fitted anew on two of dev's speakers.
"""

import argparse
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from scipy.special import softmax

from benchmarks import cached_nights, shifted_nights
from benchmarks.cached_nights import CachedHome, KeptSample, Pieces
from benchmarks.shifted_nights import SHIFTS, Shift
from mmdemo import tasks
from mmdemo.process.logs import say
from mmdemo.training.continual import memory
from mmdemo.training.continual.memory import Role
from mmdemo.training.data.datasets import Item, only
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.manifests import splits
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED

SEEDS = 3
GUARDED_BY_DEV = ("speech_emotion",)  # half of whose dev is in the memory
HELD_BACK = 0.15  # of the old sources' samples, which train nothing
MIB = 2**20
SIZES = (0.5, 1.0, 2.0)  # MiB
POOLED = {"2 means": 2, "8 means": 8, "whole": 10_000}  # tokens of a sample at most
MEANS = (1, 2, 4, 8, 16)
NONE = "none"


@dataclass(frozen=True)
class WithheldSource:
    """A base, what it learned from, and what it is asked about."""

    home: CachedHome
    learned: Sequence[Item]
    new: Sequence[KeptSample]
    asked: Mapping[str, Sequence[Item]]


def main() -> None:
    """Do a piece of the runs, or print the table."""
    command_line = cached_nights.parser(__doc__)
    command_line.add_argument("--table", action="store_true")
    args = command_line.parse_args()
    pieces = Pieces(args.kept / "memories.jsonl", args.seconds)

    @cache
    def ground(shift: Shift, seed: int) -> WithheldSource:
        task, shipped = cached_nights.base_of(shift.task)
        paths = (args.data / shift.task / name for name in ("train.jsonl", "dev.jsonl"))
        train, dev = (cached_nights.encoded(task, shipped, path, args.kept) for path in paths)
        draw = cached_nights.seeded(seed)
        old = [sample for sample in train if not shift.is_new(sample)]
        aside = draw.random(len(old)) < HELD_BACK
        learned, held_back = ([s.item for s, out in zip(old, aside, strict=True) if out == side] for side in (0, 1))
        base = shifted_nights.base_from(task, shipped, learned)
        new = [sample for sample in (*train, *dev) if shift.is_new(sample)]
        new = [new[place] for place in draw.permutation(len(new))]
        asked: dict[str, Sequence[Item]] = {
            "held back": held_back,
            "dev": [sample.item for sample in dev if not shift.is_new(sample)],
            "new": [sample.item for sample in new[: shifted_nights.UNSENT]],
        }
        order = draw.permutation(len(learned))
        return WithheldSource(
            CachedHome(task, base), [learned[place] for place in order], new[shifted_nights.UNSENT :], asked
        )

    @cache
    def shipped_ground(name: str, seed: int) -> tuple[CachedHome, list[KeptSample]]:
        task, base = cached_nights.base_of(name)
        dev = cached_nights.encoded(task, base, args.data / name / "dev.jsonl", args.kept)
        apart = {row.id for row in splits.part([sample.row for sample in dev], 0.5, task.split_by, splits.DEV)[1]}
        others = [sample for sample in dev if name not in GUARDED_BY_DEV or sample.row.id not in apart]
        draw = cached_nights.seeded(seed)
        return CachedHome(task, base), [others[place] for place in draw.permutation(len(others))]

    shipped = [" | ".join(("shipped", name, *each)) for each in _shipped_runs() for name in tasks.load_all()]
    for key in () if args.table else pieces.todo(shipped):
        _, name, seed, kind, with_memory = key.split(" | ")
        pieces.put(key, **_shipped_night(*shipped_ground(name, int(seed)), kind, with_memory, int(seed)))
    for shift in () if args.table else SHIFTS:
        for key in pieces.todo([" | ".join((shift.task, *each)) for each in _runs()]):
            _, seed, kind, size, pooling = key.split(" | ")
            pieces.put(key, **_night(ground(shift, int(seed)), kind, size, pooling, int(seed)))
    if args.table:
        _print(pieces)
        _print_shipped(pieces)
        _print_agreement(args)
        _print_temperatures(args)


def _shipped_runs() -> list[tuple[str, str, str]]:
    return [(str(seed), kind, each) for seed in range(SEEDS) for kind in KINDS for each in (NONE, "shipped")]


def _shipped_night(
    home: CachedHome, samples: Sequence[KeptSample], kind: str, with_memory: str, seed: int
) -> dict[str, float]:
    kept = memory.load(SHIPPED / home.task.name)
    assert kept is not None and kept.fits(home.base)
    rehearsed, guard = ([one.item(home.task) for one in kept.of(role)] for role in (Role.REHEARSED, Role.GUARD))
    half = len(samples) // 2
    judged = [sample.item for sample in samples[half:]]
    home.remembered = list(rehearsed if with_memory != NONE else ())
    challenger = home.challenger(KINDS[kind](samples[:half]), seed)
    asked = {"dev": judged, "image": only(judged, ["image"]), "guard": guard}
    result: dict[str, float] = {}
    for name, items in asked.items():
        if items:
            before, after = (cached_nights.right(model, items) for model in (home.base, challenger))
            result |= {f"{name}_first": float(before.mean()), f"{name}_last": float(after.mean())}
            result |= {f"{name}_lost": float((before & ~after).sum()), f"{name}_gained": float((after & ~before).sum())}
    say(f"shipped, {home.task.name}, {kind}, {with_memory}, {seed}: {result}")
    return result


def _runs() -> list[tuple[str, str, str, str]]:
    memories = [(NONE, NONE), *itertools.product(map(str, SIZES), POOLED)]
    return [(str(seed), kind, *each) for seed in range(SEEDS) for kind in KINDS for each in memories]


def _night(ground: WithheldSource, kind: str, size: str, pooling: str, seed: int) -> dict[str, float]:
    rehearsed = [] if size == NONE else remembered(ground.learned, float(size) * MIB / 2, POOLED[pooling])
    base = ground.home.base
    home = CachedHome(ground.home.task, base)
    home.remembered = rehearsed
    challenger = home.challenger(KINDS[kind](ground.new), seed)
    result: dict[str, float] = {"samples": len(rehearsed)}
    for name, items in ground.asked.items():
        before, after = (cached_nights.right(model, items).mean() for model in (base, challenger))
        result |= {f"{name}_first": float(before), f"{name}_last": float(after)}
    say(f"{ground.home.task.name}, {kind}, {size}, {pooling}, {seed}: {result}")
    return result


def remembered(items: Sequence[Item], most_bytes: float, most_tokens: int) -> list[Item]:
    """Return as many of the items, in their order, as there is room for, each pooled to so many tokens at most."""
    kept: list[Item] = []
    for item in items:
        pooled = {name: memory.pool(tokens, most_tokens) for name, tokens in item.tokens.items()}
        most_bytes -= memory.size(pooled)
        if most_bytes < 0:
            break
        whole = {name: memory.expand(value, len(item.tokens[name])).half() for name, value in pooled.items()}
        kept.append(replace(item, tokens=whole))
    return kept


def _any(new: Sequence[KeptSample]) -> list[Item]:
    return [sample.item for sample in new[:80]]


def _one_class(new: Sequence[KeptSample]) -> list[Item]:
    labels = [sample.row.label for sample in new]
    label = max(sorted(set(labels)), key=labels.count)
    return [sample.item for sample in new if sample.row.label == label][:30]


KINDS = {"80 of any class": _any, "30 of one class": _one_class}


def _print(pieces: Pieces) -> None:
    print("| task | corrections | memory | kept as | seeds | rehearsed | held back | dev | withheld source |")
    print("|---|---|---|---|---|---|---|---|---|")
    for shift, kind in itertools.product(SHIFTS, KINDS):
        for size, pooling in [(NONE, NONE), *itertools.product(map(str, SIZES), POOLED)]:
            keys = [" | ".join((shift.task, str(seed), kind, size, pooling)) for seed in range(SEEDS)]
            runs = [pieces.results[key] for key in keys if key in pieces.results]
            if not runs:
                continue
            changes = [_change(runs, name) for name in ("held back", "dev", "new")]
            room = ("none", "–") if size == NONE else (f"{size} MiB", pooling)
            cells = (shift.task, kind, *room, len(runs), round(np.mean([run["samples"] for run in runs])), *changes)
            print("| " + " | ".join(map(str, cells)) + " |")


def _print_shipped(pieces: Pieces) -> None:
    print("\n| task | corrections | memory | seeds | dev | pictures of dev alone | guard | lost there | gained there |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, kind, with_memory in itertools.product(tasks.load_all(), KINDS, (NONE, "shipped")):
        keys = [" | ".join(("shipped", name, str(seed), kind, with_memory)) for seed in range(SEEDS)]
        runs = [pieces.results[key] for key in keys if key in pieces.results]
        if runs:
            pictures = _change(runs, "image") if "image_first" in runs[0] else "–"
            turned = [f"{np.mean([run[f'guard_{side}'] for run in runs]):.1f}" for side in ("lost", "gained")]
            cells = (
                name,
                kind,
                with_memory,
                str(len(runs)),
                _change(runs, "dev"),
                pictures,
                _change(runs, "guard"),
                *turned,
            )
            print("| " + " | ".join(cells) + " |")


def _print_agreement(args: argparse.Namespace) -> None:
    """Print how often the shipped models answer dev's samples by a few means of tokens as they do by all of them."""
    print("\n| task | all tokens | " + " | ".join(f"{most} means" for most in MEANS) + " |")
    print("|---|" + "---|" * (1 + len(MEANS)))
    for name in dict.fromkeys(shift.task for shift in SHIFTS):
        task, base = cached_nights.base_of(name)
        dev = cached_nights.encoded(task, base, args.data / name / "dev.jsonl", args.kept)
        items = [sample.item for sample in dev]
        whole = logits(base, items).argmax(axis=1)
        same = [np.mean(logits(base, remembered(items, np.inf, most)).argmax(axis=1) == whole) for most in MEANS]
        right = f"{np.mean(whole == targets_of(items)):.3f} right"
        print("| " + " | ".join((name, right, *(f"{each:.3f} the same" for each in same))) + " |")


def _print_temperatures(args: argparse.Namespace) -> None:
    """Print what a temperature comes to on dev's other speakers that is fitted to samples of two."""
    task, base = cached_nights.base_of("speech_emotion")
    dev = cached_nights.encoded(task, base, args.data / task.name / "dev.jsonl", args.kept)
    outputs, targets = logits(base, [each.item for each in dev]), targets_of([each.item for each in dev])
    speakers = np.array([str(each.row.extra["speaker"]) for each in dev])
    shipped = sidecar.read(SHIPPED / task.name).scalings["audio"]
    print("\n| fitted anew on 48 clips of | surprise on the others, nats | before | ECE on the others | before |")
    print("|---|---|---|---|---|")
    actors = sorted({name for name in speakers if name.startswith("ravdess")})
    for two in itertools.combinations(actors, 2):
        theirs = np.isin(speakers, two)
        some = np.random.default_rng(0).permutation(np.flatnonzero(theirs))[:48]
        fitted = OBJECTIVES[task.kind].fit_scaling(outputs[some], targets[some])
        figures = [_confidence(scaling(outputs[~theirs]), targets[~theirs]) for scaling in (fitted, shipped)]
        cells = (f"{figures[place][what]:.3f}" for what in (0, 1) for place in (0, 1))
        print("| " + " | ".join((" and ".join(two), *cells)) + " |")


def _confidence(outputs: np.ndarray, targets: np.ndarray) -> tuple[float, float]:
    """Return the mean surprise in nats, and the calibration error in 15 bins of the confidence."""
    shares = softmax(outputs, axis=1)
    sure, right = shares.max(axis=1), shares.argmax(axis=1) == targets
    bins = np.minimum((sure * 15).astype(int), 14)
    error = sum(abs(float((sure - right)[bins == each].sum())) for each in range(15)) / len(targets)
    return -float(np.log(shares[np.arange(len(targets)), targets]).mean()), error


def _change(runs: Sequence[dict[str, float]], name: str) -> str:
    """Return the share of right answers before, and the mean change in points with its least and largest."""
    before = np.mean([run[f"{name}_first"] for run in runs])
    changes = [100 * (run[f"{name}_last"] - run[f"{name}_first"]) for run in runs]
    return f"{before:.3f}, {np.mean(changes):+.1f} ({min(changes):+.1f} to {max(changes):+.1f})"


if __name__ == "__main__":
    main()
