"""Whether a shipped version answers in another runtime as it does in PyTorch: labels, accuracy, calibration, maps.

python -m benchmarks.runtimes TASK DATA [--maps 40] [--home FOLDER] [--aside SHARE] [--write] >> benchmarks/runtimes.md

DATA holds TASK/dev.jsonl, on which nothing is fitted, and TASK/train.jsonl. Both answer the same samples; intervals
are paired. The runtime computes in the fastest precision whose tokens are close. With --write the figures go into the
version's version.json, with thresholds tested on the runtime's own answers to what PyTorch's were tested on (a share
--aside of train, where it is given; else PyTorch's stand): what the page looks at before it lets the runtime answer.
"""

import argparse
import dataclasses
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mmdemo import decode, explain, tasks
from mmdemo.evaluation import ask, metrics, promised, slices
from mmdemo.evaluation.answers import Answers
from mmdemo.explain.perturbation import deletion, faithfulness
from mmdemo.explain.perturbation.perturbers import InputPerturber
from mmdemo.model import engines
from mmdemo.prediction import loading
from mmdemo.prediction.engines import EngineChoice
from mmdemo.prediction.loading import Served
from mmdemo.prediction.predictor import Predictor
from mmdemo.process.logs import say
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.data import datasets
from mmdemo.training.manifests import Row, splits
from mmdemo.values.layout import scores_of
from mmdemo.values.promise import PromiseRecord
from mmdemo.values.samples import Inputs
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED
from mmdemo.versions.sidecar import RuntimeRecord

SEED = 0


def main() -> None:
    """Print one table; with --write, keep its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("data", type=Path, help="folder with TASK/dev.jsonl and TASK/train.jsonl")
    parser.add_argument("--runtime", default=engines.DEFAULT)
    parser.add_argument("--maps", type=int, default=40, help="samples whose maps are judged (default: 40)")
    parser.add_argument("--home", type=Path, help="where encoders are kept (default: nowhere)")
    parser.add_argument("--aside", type=float, help="share of train that trained nothing, to test the promise on")
    parser.add_argument("--write", action="store_true", help="write what was measured into version.json")
    args = parser.parse_args()
    task, folder = tasks.get(args.task), SHIPPED / args.task
    with tempfile.TemporaryDirectory() as nowhere:
        settings = Settings(home=args.home or Path(nowhere))
        choice = EngineChoice(engines.get(args.runtime), settings, waits=True, unmeasured=True)
        rows = manifests.read(args.data / args.task / "dev.jsonl", task)
        theirs = ask(Predictor(task, folder, settings), rows, say)
        ours = ask(in_runtime := Predictor(task, folder, settings, engine=choice), rows, say)
        served = loading.load(folder, task)
        equipped = choice.equipped(served)
        assert equipped.engine is not None
        name = equipped.engine.name
        record = dataclasses.replace(_record(task, ours, theirs), temperatures=served.about.temperatures)
        record = dataclasses.replace(record, powers=served.about.powers, promise=served.about.promise)
        maps = _maps(served, equipped, _decoded(task, rows, args.maps))
        print("\n".join(_table(task, name, ours, theirs, record, maps)), flush=True)
        if args.aside:
            train = manifests.read(args.data / args.task / "train.jsonl", task)
            record = dataclasses.replace(record, promise=_promise(task, in_runtime, train, args.aside))
    if args.write:
        about = sidecar.read(folder)
        sidecar.write(folder, dataclasses.replace(about, runtimes={**about.runtimes, name: record}))


def _record(task: Task, ours: Answers, theirs: Answers) -> RuntimeRecord:
    pair = slices.judged(task, ours.whole), slices.judged(task, theirs.whole)
    n = len(ours.whole)
    drawn = metrics.resamples(n, np.random.default_rng(SEED))

    def interval(figure: Callable[[slices.Judged, np.ndarray], np.ndarray]) -> tuple[float, float]:
        low, high = metrics.interval(figure(pair[0], drawn) - figure(pair[1], drawn))
        return round(low, 5), round(high, 5)

    return RuntimeRecord(
        ours.version, n, round(_agreement(ours, theirs)["all"], 5), interval(_accuracy), interval(_ece)
    )


def _accuracy(judged: slices.Judged, weights: np.ndarray) -> np.ndarray:
    return (weights @ judged.right.astype(float)) / weights.sum(axis=1)


def _ece(judged: slices.Judged, weights: np.ndarray) -> np.ndarray:
    return metrics.ece(judged.confidence, judged.right, weights)


def _agreement(ours: Answers, theirs: Answers) -> dict[str, float]:
    """Return the share of equal labels: of all that samples have, and of each subset of their modalities."""
    pairs = {"all": (ours.whole, theirs.whole), **{name: (ours.parts[name], theirs.parts[name]) for name in ours.parts}}
    return {
        name: float(np.mean([a.prediction.label == b.prediction.label for a, b in zip(*pair, strict=True)]))
        for name, pair in pairs.items()
    }


def _decoded(task: Task, rows: Sequence[Row], count: int) -> list[Inputs]:
    chosen = rows[:: max(1, len(rows) // max(1, count))][:count]
    outcomes = [each for part in decode.decode_ahead((row.sample for row in chosen), task) for each in part]
    return [each for each in outcomes if isinstance(each, Inputs)]


def _maps(served: Served, equipped: Served, samples: Sequence[Inputs]) -> np.ndarray:
    """Return the areas under the deletion curves of the default maps (samples, 2): in PyTorch, in the runtime."""
    areas = []
    for number, inputs in enumerate(samples):
        say(f"maps: {number} of {len(samples)}")
        areas.append([_area(each, inputs) for each in (served, equipped)])
    return np.array(areas).reshape(-1, 2)


def _area(served: Served, inputs: Inputs) -> float:
    aimed = served.aimed(served.forward(inputs))
    method = explain.resolve("default", served.model) or explain.DEFAULT
    order = deletion.ordered(scores_of(explain.explain(method, aimed)), np.random.default_rng(SEED))
    return float(faithfulness.area(faithfulness.deletion_curves(InputPerturber(aimed), [order]))[0])


def _promise(task: Task, predictor: Predictor, train: Sequence[Row], aside: float) -> PromiseRecord:
    _, rows = splits.calibration_split(train, aside, task.split_by)
    rows = [row for row in rows if not row.extra.get(datasets.CONSTRUCTED)]
    judged = splits.one_of_each(rows, task.split_by)
    return promised.judge(predictor, judged, task.split_by if splits.has_field(rows, task.split_by) else "", say)


def _table(task: Task, name: str, ours: Answers, theirs: Answers, record: RuntimeRecord, maps: np.ndarray) -> list[str]:
    shares: Mapping[str, float] = _agreement(ours, theirs)
    lost = maps[:, 1] - maps[:, 0]
    drawn = metrics.resamples(len(lost), np.random.default_rng(SEED))
    low, high = metrics.interval(drawn @ lost / len(lost))
    once = metrics.once(len(ours.whole))
    figures = []
    for figure in (_accuracy, _ece):
        figures.append([float(figure(slices.judged(task, each.whole), once)[0]) for each in (theirs, ours)])
    (right, right_here), (ece, ece_here) = figures
    intervals = [f"{first:+.4f} to {last:+.4f}" for first, last in (record.accuracy, record.ece)]
    return [
        "",
        f"{task.name}, version {ours.version}, {name}",
        "",
        "| figure | n | PyTorch | runtime | difference, 95 % |",
        "|---|---|---|---|---|",
        *(f"| labels as in PyTorch, {part} | {len(ours.whole)} | | {share:.4f} | |" for part, share in shares.items()),
        f"| accuracy | {record.samples} | {right:.4f} | {right_here:.4f} | {intervals[0]} |",
        f"| ECE | {record.samples} | {ece:.4f} | {ece_here:.4f} | {intervals[1]} |",
        f"| area under the deletion curve | {len(maps)} | {maps[:, 0].mean():.4f} | {maps[:, 1].mean():.4f} "
        f"| {low:+.4f} to {high:+.4f} |",
    ]


if __name__ == "__main__":
    main()
