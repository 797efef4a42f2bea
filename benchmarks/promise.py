"""Whether promises are kept: dev is the pool, calibration sets are drawn from it with replacement, a thousand times.

python -m benchmarks.promise DATA --kept FOLDER [--task NAME]… [--temperatures] >> benchmarks/promise.md

DATA holds a folder a task with its dev.jsonl. The answers of the shipped versions, one pass over dev with each subset
of the modalities, are kept in FOLDER as they come: a pass that was interrupted goes on there, and the draws take
seconds. Dev fitted no threshold that is shipped: here it is the whole population.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.special import softmax

from mmdemo import tasks, thresholds
from mmdemo.decode import decode
from mmdemo.errors import BadInput
from mmdemo.prediction import assembly, loading
from mmdemo.prediction.assembly import SampleOutput, calibrated, strangeness
from mmdemo.prediction.loading import Served
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Task
from mmdemo.thresholds import Outcomes
from mmdemo.training import manifests
from mmdemo.training.manifests import Row, splits
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.values.promise import NEVER, Promise, PromiseOutcome, SubsetPromise
from mmdemo.values.samples import Inputs
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED
from mmdemo.versions.temperature_scaling import TemperatureScaling

DRAWS, SEED, BATCH, SURE = 1000, 0, 32, 0.95
REFITTED, ASIDE = 100, 500  # draws whose temperatures are fitted too, and samples of each
ERRORS = (0.05, 0.1)


@dataclass(frozen=True)
class Pool:
    """Answers to all samples of a manifest that can be judged, n of them."""

    outcomes: Mapping[str, Outcomes]  # by subset of the modalities
    outputs: Mapping[str, np.ndarray]  # by subset, (n, k) not calibrated
    targets: np.ndarray  # (n,) what is right, as a training asks for it
    groups: np.ndarray  # (n,) int: samples of one group are alike
    by: str  # what groups them


def main() -> None:
    """Print a table for each task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with TASK/dev.jsonl")
    parser.add_argument("--kept", type=Path, required=True, help="folder for answers, to be used again")
    parser.add_argument("--task", action="append", help="default: every shipped task")
    parser.add_argument("--temperatures", action="store_true", help="fit them anew to each draw too: takes minutes")
    args = parser.parse_args()
    for name in args.task or tasks.load_all():
        pool = pool_of(tasks.get(name), args.data / name / "dev.jsonl", args.kept)
        print("\n".join(table(name, pool)), flush=True)
        if args.temperatures:
            print("\n".join(fitted_table(OBJECTIVES[tasks.get(name).kind].fit_scaling, pool)), flush=True)


def pool_of(task: Task, manifest: Path, kept: Path) -> Pool:
    """Return the answers of the shipped version, read from the folder `kept` as far as they stand there."""
    server = Predictor(task, SHIPPED / task.name)
    kept.mkdir(parents=True, exist_ok=True)
    path = kept / f"{task.name}-{server.model_version}.jsonl"
    path.touch()
    lines = {line["id"]: line["answers"] for line in map(json.loads, path.read_text("utf-8").splitlines())}
    rows = manifests.read(manifest, task)
    with path.open("a", encoding="utf-8") as file:
        for row_id, answers in _asked(server, [row for row in rows if row.id not in lines]):
            lines[row_id] = answers
            file.write(json.dumps({"id": row_id, "answers": answers}) + "\n")
            file.flush()
    judged = [row for row in rows if lines[row.id]]
    numbers = {row.id: number for number, group in enumerate(splits.groups_of(judged, task.split_by)) for row in group}
    outcomes = {name: _outcomes([lines[row.id][name] for row in judged]) for name in sidecar.subsets(task.modalities)}
    by = task.split_by if splits.has_field(judged, task.split_by) else "caption"
    outputs = {name: np.array([lines[row.id][name][2] for row in judged]) for name in outcomes}
    targets = np.array([OBJECTIVES[task.kind].target(task, row.label) for row in judged])
    return Pool(outcomes, outputs, targets, np.array([numbers[row.id] for row in judged]), by)


def _outcomes(answers: Sequence[tuple[float, bool, list[float]]]) -> Outcomes:
    confidence, wrong, _ = zip(*answers, strict=True)
    return Outcomes(np.array(confidence), np.array(wrong, dtype=bool))


def _asked(server: Predictor, rows: Sequence[Row]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each row's id, and for each subset of its modalities the confidence, whether it is wrong, the outputs."""
    served = loading.load(SHIPPED / server.task.name, server.task)
    for start in range(0, len(rows), BATCH):
        inputs = {row.id: _decoded(server, row) for row in rows[start : start + BATCH]}
        answers: dict[str, dict[str, Any]] = {row_id: {} for row_id in inputs}
        usable = [row for row in rows[start : start + BATCH] if inputs[row.id]]
        for name in sidecar.subsets(server.task.modalities) if usable else ():
            parts = [item.only(name.split("+")) for row in usable if (item := inputs[row.id])]
            for row, answer in zip(usable, _batch(served, usable, parts), strict=True):
                answers[row.id][name] = answer
        print(f"{server.task.name}: {start + len(inputs)} of {len(rows)}", file=sys.stderr, flush=True)
        yield from answers.items()


def _decoded(server: Predictor, row: Row) -> Inputs | None:
    try:
        inputs = decode(row.sample, server.task)
        server.check(inputs)
    except BadInput:
        return None
    return inputs


@torch.inference_mode()
def _batch(served: Served, rows: Sequence[Row], parts: Sequence[Inputs]) -> Iterator[tuple[float, bool, list[float]]]:
    """Yield for each sample, all of the same modalities, confidence, whether it is wrong, and the head's outputs.

    What is strange is asked about whatever its confidence: NEVER.
    """
    task, encoded = served.task, served.processor(list(parts))
    output = served.model(encoded.batch)
    for index, (row, inputs) in enumerate(zip(rows, parts, strict=True)):
        said = SampleOutput.of(inputs, encoded, output, index)
        strange = bool(strangeness(served, said))
        logits = calibrated(served, said)
        answer, confidence = assembly.KINDS[task.kind].answer(task, served.answers, logits, strange)
        yield (
            NEVER if strange else confidence,
            not task.is_right(answer.value, row.label),
            output.logits[index].tolist(),
        )


def table(name: str, pool: Pool) -> list[str]:
    """Return the lines of a task's table."""
    n, groups = len(pool.groups), int(pool.groups.max()) + 1
    lines = [
        f"## {name}",
        "",
        f"{n} samples; {groups} groups by {pool.by}.",
        "",
        "| at most wrong | given | drawn | draws with a promise | broken | coverage | of a noise-free set | oracle | "
        "a picked grid breaks |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for error in ERRORS:
        promise = Promise(error, SURE)
        lines += _rows(pool, promise, np.arange(n), f"{n} samples")
        if groups < n:
            lines += _rows(pool, promise, pool.groups, f"one sample of each of {groups} by {pool.by}")
    return [*lines, ""]


def _rows(pool: Pool, promise: Promise, groups: np.ndarray, drawn: str) -> Iterator[str]:
    """Yield a line for each subset of the modalities, and one for all of them at once where there are several."""
    names, draw = list(pool.outcomes), np.random.default_rng(SEED)
    fitted: dict[str, list[SubsetPromise]] = {name: [] for name in names}
    picked = dict.fromkeys(names, 0)
    broken = np.zeros((DRAWS, len(names)), bool)
    for number in range(DRAWS):
        rows = _drawn(groups, draw)
        some = {name: Outcomes(item.confidence[rows], item.wrong[rows]) for name, item in pool.outcomes.items()}
        for place, (name, kept) in enumerate(thresholds.fit(some, promise, names).items()):
            fitted[name].append(kept)
            stands = kept.outcome == PromiseOutcome.STANDS
            broken[number, place] = stands and _above(pool.outcomes[name], kept.threshold)[0] > promise.error
            picked[name] += _picked_breaks(some[name], pool.outcomes[name], promise)
    for place, name in enumerate(names):
        yield _line(
            pool.outcomes[name], promise, name, drawn, fitted[name], broken[:, place].mean(), picked[name], len(names)
        )
    if len(names) > 1:
        yield f"| {promise.error:.0%} | any of these | {drawn} | | {broken.any(axis=1).mean():.1%} | | | | |"


def _line(
    whole: Outcomes,
    promise: Promise,
    name: str,
    drawn: str,
    fitted: Sequence[SubsetPromise],
    broken: float,
    picked: int,
    parts: int,
) -> str:
    covered = [_above(whole, kept.threshold)[1] if kept.outcome == PromiseOutcome.STANDS else 0.0 for kept in fitted]
    n = fitted[0].samples
    best, coverage = _oracle(whole, promise.error), float(np.mean(covered))
    share = f" ({coverage / best:.2f} of it)" if best else ""
    return (
        f"| {promise.error:.0%} | {name} | {drawn} | {_outcome(fitted)} | {broken:.1%} | {coverage:.3f}{share} | "
        f"{_noise_free(whole, promise, parts) if n == len(whole.wrong) else '–'} | {best:.3f} | {picked / DRAWS:.1%} |"
    )


def _noise_free(whole: Outcomes, promise: Promise, parts: int) -> str:
    """Return the coverage where the calibration set is the pool itself."""
    kept = thresholds.fit_one(whole, promise.error, (1 - promise.sure) / parts)
    return f"{kept.coverage if kept.outcome == PromiseOutcome.STANDS else 0:.3f}"


def _outcome(fitted: Sequence[SubsetPromise]) -> str:
    stands = sum(kept.outcome == PromiseOutcome.STANDS for kept in fitted) / len(fitted)
    missing = [kept.missing for kept in fitted if kept.outcome == PromiseOutcome.TOO_FEW]
    few = f"; too few labels in {len(missing) / len(fitted):.1%}, {np.median(missing):.0f} more" if missing else ""
    return f"{stands:.1%}{few}"


def fitted_table(fit_scaling: Callable[..., TemperatureScaling], pool: Pool) -> list[str]:
    """Return the lines of a table: temperatures too are fitted to each draw, of a size that trainings set aside."""
    lines = [
        f"Temperatures fitted anew to {ASIDE} samples drawn, {REFITTED} times, and thresholds for at most "
        f"{ERRORS[-1]:.0%} wrong tested on:",
        "",
        "| given | the same samples: with a promise | broken | coverage "
        "| half of them, the temperatures on the other: with a promise | broken | coverage |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in pool.outcomes:
        draw = np.random.default_rng(SEED)
        cells: dict[bool, list] = {True: [], False: []}
        for _ in range(REFITTED):
            rows = draw.integers(0, len(pool.targets), ASIDE)
            for same, (fitted, tested) in {True: (rows, rows), False: np.split(rows, 2)}.items():
                scaling = fit_scaling(pool.outputs[name][fitted], pool.targets[fitted])
                whole = _rescaled(pool, name, scaling)
                some = Outcomes(whole.confidence[tested], whole.wrong[tested])
                kept = thresholds.fit_one(some, ERRORS[-1], (1 - SURE) / len(pool.outcomes))
                stands = kept.outcome == PromiseOutcome.STANDS
                cells[same].append((stands, *(_above(whole, kept.threshold) if stands else (0.0, 0.0))))
        shares = []
        for same in (True, False):
            stands, error, coverage = np.array(cells[same]).T
            shares += [f"{stands.mean():.1%}", f"{(error > ERRORS[-1]).mean():.1%}", f"{coverage.mean():.3f}"]
        lines.append(f"| {name} | {' | '.join(shares)} |")
    return [*lines, ""]


def _rescaled(pool: Pool, name: str, scaling: TemperatureScaling) -> Outcomes:
    """Return the answers with other temperatures; of what is strange people are asked all the same."""
    probabilities = softmax(scaling(pool.outputs[name]), axis=1)
    strange = pool.outcomes[name].confidence == NEVER
    return Outcomes(np.where(strange, NEVER, probabilities.max(axis=1)), probabilities.argmax(axis=1) != pool.targets)


def _drawn(groups: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Return rows drawn with replacement, as many as there are groups: a group each time, then one of its samples."""
    members = np.argsort(groups, kind="stable")
    sizes = np.bincount(groups)
    starts, chosen = np.cumsum(sizes) - sizes, draw.integers(0, len(sizes), len(sizes))
    if sizes.max() > 1:
        chosen = np.unique(chosen)  # one sample of each: a group that is drawn twice tells no more than once
    return members[starts[chosen] + (draw.random(len(chosen)) * sizes[chosen]).astype(int)]


def _above(whole: Outcomes, threshold: float) -> tuple[float, float]:
    """Return the share of wrong answers at or above a threshold, and the share of all that lies there."""
    above = whole.confidence >= threshold
    return (float(whole.wrong[above].mean()) if above.any() else 0.0), float(above.mean())


def _oracle(whole: Outcomes, error: float) -> float:
    """Return the largest coverage of any threshold at which no more than promised is wrong."""
    accepted, wrong = thresholds.counts(whole, np.unique(whole.confidence[whole.confidence >= 0])[::-1])
    return float(accepted[wrong <= error * accepted].max(initial=0)) / len(whole.wrong)


def _picked_breaks(some: Outcomes, whole: Outcomes, promise: Promise) -> bool:
    """Tell whether the lowest confidence of those drawn whose own test passes, uncorrected, breaks the promise."""
    picked = np.unique(some.confidence[some.confidence >= 0])[::-1]
    passed = picked[thresholds.p_values(*thresholds.counts(some, picked), promise.error) <= 1 - promise.sure]
    return bool(len(passed)) and _above(whole, passed[-1])[0] > promise.error


if __name__ == "__main__":
    main()
