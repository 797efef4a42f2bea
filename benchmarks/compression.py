"""What each method of making a version smaller saves and costs, on the shipped versions.

python -m benchmarks.compression DATA --keep rows.jsonl [--task T …] [--method M …] > benchmarks/compression.md

DATA/TASK holds train.jsonl, of which methods are given a part (`--given`; of captions all), and dev.jsonl, of which a
part (`--samples`) is answered by both versions. Rows that stand in the kept file are not measured again.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from mmdemo import settings, tasks
from mmdemo.compression import MethodSettings
from mmdemo.compression.making import Comparing, Naming, compress
from mmdemo.prediction.predictor import Predictor
from mmdemo.process import memory
from mmdemo.process.logs import say
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.manifests import Row
from mmdemo.values.samples import to_json
from mmdemo.versions.registry import Versions

TASKS = ("sentiment", "speech_emotion")
ROUNDS = 3
STUDENTS: Mapping[str, Mapping[str, Any]] = {  # networks that learn from nothing
    "sentiment": {"image": {"type": "small_cnn", "size": 64}, "text": {"type": "textcnn"}},
    "speech_emotion": {"audio": {"type": "logmel_cnn"}},
}
LAYERS = {"sentiment": {"text": 6}, "speech_emotion": {"audio": 2}}
COLUMNS = ("method", "bytes", "latency ×", "answers as before", "accuracy", "ECE", "only a guess", "maps fall short")


@dataclass(frozen=True)
class MeasuredMethod:
    """One method with its settings."""

    name: str
    method: str
    settings: MethodSettings = field(default_factory=MethodSettings)
    captions: bool = False  # whether it needs no more of a sample than its caption


def ways(task: Task) -> list[MeasuredMethod]:
    """Return what is measured of a task."""
    student = replace(task, encoders=STUDENTS[task.name], fusion={"layers": 1, "dim": 128, "heads": 4}, training={})
    layers = LAYERS[task.name]
    return [
        MeasuredMethod("int8", "int8"),
        MeasuredMethod("fp16", "fp16"),
        *([MeasuredMethod("vocabulary", "vocabulary", captions=True)] if "text" in task.modalities else []),
        *(MeasuredMethod(name, name) for name in ("onnx", "onnx-dynamic", "onnx-static")),
        MeasuredMethod("prune, 0.5", "prune", MethodSettings(sparsity=0.5)),
        MeasuredMethod("prune, 0.8", "prune", MethodSettings(sparsity=0.8)),
        MeasuredMethod(
            f"depth, {' '.join(f'{name} {n}' for name, n in layers.items())}", "depth", MethodSettings(layers=layers)
        ),
        MeasuredMethod("distil, from scratch", "distil", MethodSettings(into=student, training={"epochs": 20.0})),
    ]


def main() -> None:
    """Measure what is not kept yet, and print a table a task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="file of the rows that are measured")
    parser.add_argument("--task", action="append")
    parser.add_argument("--method", action="append")
    parser.add_argument("--samples", type=int, default=120, help="of dev")
    parser.add_argument("--given", type=int, default=240, help="of train")
    args = parser.parse_args()
    memory.keep_freed()
    kept = [json.loads(line) for line in args.keep.read_text("utf-8").splitlines()] if args.keep.is_file() else []
    for name in args.task or TASKS:
        for way in ways(tasks.get(name)):
            known = any((row["task"], row["name"]) == (name, way.name) for row in kept)
            if not known and way.method in (args.method or [way.method]):
                say(f"{name}: {way.name}")
                kept.append(measured(tasks.get(name), way, args))
                args.keep.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")
    for name in TASKS:
        of_task = {row["name"]: row for row in kept if row["task"] == name}
        print(table(name, [of_task[way.name] for way in ways(tasks.get(name)) if way.name in of_task]))


def measured(task: Task, way: MeasuredMethod, args: argparse.Namespace) -> dict[str, Any]:
    """Return what a method makes of the shipped version, and what it was given."""
    config = settings.load({})
    versions = Versions(config)
    folder = versions.path(task.name, versions.champion(task.name))
    train, dev = (manifests.read(args.data / task.name / f"{side}.jsonl", task) for side in ("train", "dev"))
    chosen = train if way.captions else spread(train, args.given)
    with tempfile.TemporaryDirectory() as name:
        record = compress(
            way.method,
            task,
            folder,
            chosen,
            way.settings,
            Naming(Path(name) / "smaller", "smaller", ""),
            Comparing("dev", dev, args.samples, ROUNDS, time.process_time, lambda path: Predictor(task, path, config)),
        )
    about = {"threads": torch.get_num_threads(), "given": len(chosen)}
    return {"task": task.name, "name": way.name, **about, **to_json(record)}


def spread(rows: Sequence[Row], count: int) -> list[Row]:
    """Return so many rows from all over a manifest."""
    return list(rows[:: max(1, len(rows) // count)][:count])


def table(task: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows of a task as Markdown; the first line is of what ships."""
    lines = [f"| {task}: {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for place, row in enumerate(rows):
        if place == 0:
            lines.append(_line("what ships", row, 0, 1.0, 1.0))
        lines.append(_exported(row) if "onnx_times" in row["more"] else _line(row["name"], row, 1, *_compared(row)))
    return "\n".join([*lines, ""])


def _compared(row: Mapping[str, Any]) -> tuple[float, float]:
    return row["latency"][0], row["agreement"]


def _exported(row: Mapping[str, Any]) -> str:
    """Return the line of an exported file: of the network alone, whose labels are counted in every subset."""
    more = row["more"]
    same = f"{more['onnx_same_labels']:.3f} of {more['onnx_checked']}"
    return f"| {row['name']} | {more['onnx_bytes']:,} | {more['onnx_times']:.2f} | {same} | – | – | – | – |"


def _line(name: str, row: Mapping[str, Any], side: int, latency: float, agreement: float) -> str:
    figures = " | ".join(f"{row[figure][side]:.3f}" for figure in ("accuracy", "ece", "guessed"))
    figures += f" | {row['maps'][side]:.2f}"
    return f"| {name} | {row['bytes'][side]:,} | {latency:.2f} | {agreement:.3f} | {figures} |"


if __name__ == "__main__":
    main()
