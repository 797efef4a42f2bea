"""How often the alarm is false, and how soon it sees a change: streams of answers, most of them simulated.

python -m benchmarks.alarm DATA --kept FOLDER >> benchmarks/alarm.md

DATA holds a folder a task with its manifests. The shipped speech model's answers to dev and to `shift.jsonl` are kept
in FOLDER as they come: a pass that was interrupted goes on there. The streams take seconds.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from annotations.panel import alarm
from mmdemo.errors import BadInput
from mmdemo.prediction.predictor import Predictor
from mmdemo.training import manifests
from mmdemo.values.promise import NEVER
from mmdemo.versions.registry import SHIPPED

TASK, AT_ONCE = "speech_emotion", 16
ANSWERS, STREAMS, SEED = 2_000, 1_000, 0
SHARES, PROMISES = (0.2, 0.02), (0.1, 0.05)
WORSE = 0.1  # by so much the share of wrong answers rises
FOUND_WITHIN = 200  # checks
# Name of a stream → the part of it that is drawn from dev before the rest is from the shifted source
STREAMS_OF_INPUTS = {"dev throughout": 1.0, "dev, then shift.jsonl": 0.5, "shift.jsonl after a tenth": 0.1}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help=f"folder with {TASK}/dev.jsonl and shift.jsonl")
    parser.add_argument("--kept", type=Path, required=True, help="folder for answers, to be used again")
    parser.add_argument("--answers-only", action="store_true", help="ask the model, and print no table")
    args = parser.parse_args()
    pools = {name: pool_of(args.data / TASK / f"{name}.jsonl", args.kept) for name in ("dev", "shift")}
    if not args.answers_only:
        print("\n".join([*errors_table(), *inputs_table(pools["dev"], pools["shift"])]))


def pool_of(manifest: Path, kept: Path) -> np.ndarray:
    """Return (n, 2): confidence, or NEVER, and whether the answer is wrong, of all samples that can be judged."""
    server = Predictor(TASK, SHIPPED / TASK)
    kept.mkdir(parents=True, exist_ok=True)
    path = kept / f"alarm-{manifest.stem}-{server.model_version}.jsonl"
    path.touch()
    lines = {line["id"]: line["answer"] for line in map(json.loads, path.read_text("utf-8").splitlines())}
    rows = [row for row in manifests.read(manifest, server.task) if row.id not in lines]
    with path.open("a", encoding="utf-8") as file:
        for start in range(0, len(rows), AT_ONCE):
            batch = rows[start : start + AT_ONCE]
            for row, said in zip(batch, server.predict_many([row.sample for row in batch]), strict=True):
                lines[row.id] = None
                if not isinstance(said, BadInput):
                    wrong = not server.task.is_right(said.label, row.label)
                    lines[row.id] = [NEVER if said.capped else said.confidence, wrong]
                file.write(json.dumps({"id": row.id, "answer": lines[row.id]}) + "\n")
            file.flush()
            print(f"{manifest.stem}: {start + len(batch)} of {len(rows)}", file=sys.stderr, flush=True)
    return np.array([line for line in lines.values() if line], dtype=np.float64)


def errors_table() -> Iterator[str]:
    """Yield the lines of what the alarm about errors does."""
    yield from (
        "## Errors",
        "",
        f"{STREAMS} streams of {ANSWERS} answers that go out unasked; of the share of audits each is checked.",
        "",
        "| promised | audits | wrong | alarms | within 200 checks | median check of the alarm |",
        "|---|---|---|---|---|---|",
    )
    draw = np.random.default_rng(SEED)
    for promised in PROMISES:
        for share in SHARES:
            for wrong, change in ((promised, 0), (promised / 2, 0), (promised + WORSE, 0), (promised + WORSE, 0.5)):
                yield _errors_line(draw, promised, share, wrong, change)
    yield ""


def _errors_line(draw: np.random.Generator, promised: float, share: float, wrong: float, change: float) -> str:
    """`change`: the part of the stream in which errors are as promised before they are not."""
    delays = np.full(STREAMS, np.inf)  # checks from the change to the alarm; below 0: before it
    for number in range(STREAMS):
        checks = np.flatnonzero(draw.random(ANSWERS) < share)
        rates = np.where(checks < change * ANSWERS, promised, wrong)
        wealth = alarm.errors(draw.random(len(checks)) < rates, promised)
        first = np.flatnonzero(wealth >= 1 / alarm.FALSE_ERRORS)
        before = int((checks < change * ANSWERS).sum())
        if len(first):
            delays[number] = first[0] - before
    said = f"{wrong:.1%}" + (f" from answer {change * ANSWERS:.0f} on" if change else "")
    raised = delays[np.isfinite(delays)]
    median = f"{np.median(raised) + 1:.0f}" if len(raised) else "–"
    within = f"{((delays >= 0) & (delays < FOUND_WITHIN)).mean():.1%}"
    return f"| {promised:.0%} | {share:.0%} | {said} | {np.isfinite(delays).mean():.1%} | {within} | {median} |"


def inputs_table(dev: np.ndarray, shift: np.ndarray) -> Iterator[str]:
    """Yield the lines of what the alarm about inputs does: the shipped speech model's answers, drawn from a pool."""
    yield from ("## Inputs", "")
    judged = {"dev": dev, "shift": shift}
    for name, pool in judged.items():
        capped = (pool[:, 0] == NEVER).mean()
        yield (
            f"{name}: {len(pool)} clips, {pool[:, 1].mean():.1%} wrong, {capped:.1%} only a guess, "
            f"mean confidence of the others {pool[pool[:, 0] != NEVER, 0].mean():.3f}"
        )
    yield from (
        "",
        "| stream | panel | alarms | median member of the alarm, from the change on |",
        "|---|---|---|---|",
    )
    draw = np.random.default_rng(SEED)
    for share in SHARES:
        for name, change in STREAMS_OF_INPUTS.items():
            places = np.array([_first_of_inputs(draw, dev, shift, share, change) for _ in range(STREAMS)])
            late = places[np.isfinite(places)] + 1
            median = f"{np.median(late):.0f}" if len(late) and change < 1 else "–"
            yield f"| {name} | {share:.0%} | {np.isfinite(places).mean():.1%} | {median} |"
    yield ""


def _first_of_inputs(
    draw: np.random.Generator, dev: np.ndarray, shift: np.ndarray, share: float, change: float
) -> float:
    """Return which member of the panel from the change on brings the alarm, infinity where none does."""
    members = np.flatnonzero(draw.random(ANSWERS) < share)
    early = members < change * ANSWERS
    sides = [draw.choice(pool[:, 0], len(members)) for pool in (dev, shift)]
    # What is only a guess is the strangest: NEVER is below all confidences.
    doubts = 1 - np.where(early, sides[0], sides[1])
    wealth = alarm.inputs(doubts.tolist(), draw.random(len(members)).tolist(), [""] * len(members), 0)
    first = np.flatnonzero(wealth >= 1 / alarm.FALSE_INPUTS)
    return int(first[0]) - int(early.sum()) if len(first) else np.inf


if __name__ == "__main__":
    main()
