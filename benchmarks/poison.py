"""What wrong, hostile and lopsided corrections come to: is a version ever served that is significantly worse?

python -m benchmarks.poison DATA --task spoken_digits --task speech_emotion --kept DIR     a piece of the runs
python -m benchmarks.poison DATA --kept DIR --table                                        what there is so far

Half of dev, parted anew for each seed, is what people answer, and the other half judges what was served. DIR keeps
tokens and results; start it until nothing is left.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from annotations.nightly import gate
from benchmarks import cached_nights
from benchmarks.cached_nights import CachedHome, KeptSample, Pieces
from mmdemo.process.logs import say
from mmdemo.training.data.datasets import Item

SEEDS = {"spoken_digits": 20, "speech_emotion": 20, "sentiment": 5}
REMEMBERED = 400

Said = tuple[list[Item], str]  # what people say, and how all of it is of one sort: as in gate.Narrow, or ""


def main() -> None:
    """Do a piece of the runs, or print the table."""
    command_line = cached_nights.parser(__doc__)
    command_line.add_argument("--task", action="append", choices=list(SEEDS), default=[])
    command_line.add_argument("--table", action="store_true")
    args = command_line.parse_args()
    pieces = Pieces(args.kept / "poison.jsonl", args.seconds)
    for name in args.task:
        keys = [f"{name} | {way} | {kind} | {seed}" for way in WAYS for seed in range(SEEDS[name]) for kind in KINDS]
        sites: dict[str, CachedHome] = {}
        for key in pieces.todo(keys):
            if not sites:
                task, base = cached_nights.base_of(name)
                dev = cached_nights.encoded(task, base, args.data / name / "dev.jsonl", args.kept)
                train = cached_nights.encoded(task, base, args.data / name / "train.jsonl", args.kept, REMEMBERED)
                sites = {way: CachedHome(task, base, train if way else ()) for way in WAYS}
            _, way, kind, seed = key.split(" | ")
            pieces.put(key, **_run(sites[way], dev, kind, int(seed)))
    if args.table:
        _print(pieces)


def _run(site: CachedHome, dev: Sequence[KeptSample], kind: str, seed: int) -> dict[str, object]:
    draw = cached_nights.seeded(seed)
    order = draw.permutation(len(dev))
    sent, judged = ([dev[place].item for place in half] for half in np.array_split(order, 2))
    said, narrow = KINDS[kind](sent, draw, len(site.task.answers))
    aside = draw.random(len(said)) < cached_nights.HELD_OUT
    train, held_out = ([item for item, out in zip(said, aside, strict=True) if out == side] for side in (False, True))
    verdict, challenger = site.night(site.base, train, held_out, narrow=narrow, seed=seed)
    result: dict[str, object] = {"verdict": verdict.name, "why": verdict.reasons[-1].key}
    if challenger is not None:
        before, after = (cached_nights.right(model, judged) for model in (site.base, challenger))
        p_value = cached_nights.worse(before, after)
        result |= {"before": float(before.mean()), "after": float(after.mean()), "p_worse": p_value}
    say(f"{kind}, {seed}: {result}")
    return result


def _wrong(share: float) -> Callable[..., Said]:
    def said(items: Sequence[Item], draw: np.random.Generator, labels: int) -> Said:
        wrong = draw.random(len(items)) < share
        shifts = draw.integers(1, labels, len(items))
        return [
            replace(item, target=int(item.target + shift) % labels) if bad else item
            for item, bad, shift in zip(items, wrong, shifts, strict=True)
        ], ""

    return said


def _hostile(items: Sequence[Item], draw: np.random.Generator, labels: int) -> Said:
    """Of three people one gives every sample the next label."""
    whose = draw.integers(0, 3, len(items))
    pairs = zip(items, whose, strict=True)
    return [replace(item, target=int(item.target + 1) % labels) if who == 0 else item for item, who in pairs], ""


def _one_class(items: Sequence[Item], draw: np.random.Generator, labels: int) -> Said:
    chosen = int(draw.integers(labels))
    return [replace(item, target=chosen) for item in items], gate.ONE_CLASS


def _three(items: Sequence[Item], draw: np.random.Generator, labels: int) -> Said:
    return _wrong(1.0)(items[:3], draw, labels)[0], gate.ONE_ANNOTATOR


def _identical(items: Sequence[Item], draw: np.random.Generator, labels: int) -> Said:
    return _wrong(1.0)(items[:1], draw, labels)[0] * 30, gate.ONE_ANNOTATOR


def _print(pieces: Pieces) -> None:
    print("| task | memory | corrections | runs | served | of those worse on dev | champion | all challengers |")
    print("|---|---|---|---|---|---|---|---|")
    served: list[float] = []
    for name, way, kind in itertools.product(SEEDS, WAYS, KINDS):
        runs = [each for key, each in pieces.results.items() if key.startswith(f"{name} | {way} | {kind} | ")]
        if not runs:
            continue
        through = [each["p_worse"] for each in runs if each["verdict"] == gate.PROMOTED]
        served += through
        tried = [each for each in runs if "after" in each]
        means = [f"{np.mean([each[side] for each in tried]):.3f}" if tried else "–" for side in ("before", "after")]
        worse = sum(p_value <= cached_nights.LEVEL for p_value in through)
        cells = (name, way or "none", kind, len(runs), len(through), worse, *means)
        print("| " + " | ".join(map(str, cells)) + " |")
    count = cached_nights.refused_by_holm(served)
    print(f"\nOf {len(served)} versions that were served, {count} are significantly worse (Holm over all of them).")


KINDS: dict[str, Callable[..., Said]] = {
    "right": _wrong(0.0),
    "5 % wrong": _wrong(0.05),
    "20 % wrong": _wrong(0.2),
    "50 % wrong": _wrong(0.5),
    "one hostile of three": _hostile,
    "all one class": _one_class,
    "3 wrong ones": _three,
    "30 identical, wrong": _identical,
}
WAYS = ("pooled", "")  # what the base remembers

if __name__ == "__main__":
    main()
