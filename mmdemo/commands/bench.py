"""bench: how long answers take here, as ratios to the bare forward pass of the same network in the same run."""

import argparse
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdemo import tasks
from mmdemo.commands.command import RUNTIME, VERSION, Command, CommandResult, predictor_of, version_folder
from mmdemo.errors import ManifestError
from mmdemo.process.logs import say
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import to_json

if TYPE_CHECKING:
    from mmdemo.prediction.predictor import Predictor
    from mmdemo.speed.turns import Timing
    from mmdemo.training.manifests import Row

TASKS = ("sentiment", "speech_emotion")
ONE, MANY, START = "one", "many", "start"
CPU_INFO = Path("/proc/cpuinfo")


def bench(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Time answers, in turns with the network alone: one sample, batches, and the start of a process."""
    names = args.task or list(TASKS)
    if args.manifest is not None and len(names) != 1:
        raise ManifestError("bench_of_one_task")
    machine, results = _machine(), []
    lines = [", ".join(f"{name} {value}" for name, value in machine.items())]
    for name in names:
        task = tasks.get(name, config.task_dir)
        folder = version_folder(task, args.version, config)
        groups = _groups(task, folder, args, config)
        results.append({"task": task.name, "version": folder.name, "samples": args.samples, **to_json(groups)})
        lines += ["", f"{task.name}, version {folder.name}", *_table(groups)]
    return CommandResult({"machine": machine, "tasks": results}, lines)


def _groups(task: Task, folder: Path, args: argparse.Namespace, config: Settings) -> "dict[str, list[Timing]]":
    from mmdemo.speed import answers, start  # they bring torch

    predictor = predictor_of(task, str(folder), config)
    clock = time.process_time if args.cpu else time.perf_counter
    in_runtimes = _in_runtime(task, folder, args, config)
    timed = answers.Bench.of(predictor, folder, _rows(task, args.manifest, args.samples), config, clock, in_runtimes)
    runs = {
        ONE: lambda: timed.one_by_one(args.rounds),
        MANY: lambda: timed.in_batches(args.rounds),
        START: lambda: start.to_first_answer(str(task.path or task.name), str(folder), args.rounds),
    }
    groups: dict[str, list[Timing]] = {}
    for name in args.only or runs:
        say(f"{task.name}: timing {name}")
        groups[name] = runs[name]()
    return groups


def _in_runtime(task: Task, folder: Path, args: argparse.Namespace, config: Settings) -> "dict[str, Predictor]":
    """Return what answers in the runtime that the page would take, by its name; nothing where PyTorch is faster."""
    from mmdemo.prediction import engines
    from mmdemo.prediction.predictor import Predictor

    choice = engines.for_page(replace(config, runtime=args.runtime or config.runtime))
    if choice is None:
        return {}
    predictor = Predictor(task, str(folder), config, engine=replace(choice, waits=True))
    version, runtime = predictor.model_version, predictor.runtime
    assert runtime is not None
    say(f"{version}: {runtime.sentence()}")
    return {choice.runtime.name: predictor} if predictor.engine else {}


def _rows(task: Task, manifest: Path | None, count: int) -> "list[Row]":
    """Return so many samples from all over a manifest, or the task's examples again and again."""
    from mmdemo.training import manifests
    from mmdemo.training.manifests import Row

    if manifest is not None:
        rows = manifests.read(manifest, task)
        return rows[:: max(1, len(rows) // count)][:count]
    examples = islice(cycle(manifests.examples(task)), count)
    return [Row(f"{number}-{row.id}", row.sample, row.label) for number, row in enumerate(examples)]


def _machine() -> dict[str, Any]:
    """Return what the numbers were measured on, and how busy it was."""
    import torch

    about = CPU_INFO.read_text("utf-8") if CPU_INFO.is_file() else ""
    models = [line for line in about.splitlines() if line.startswith("model name")]
    return {
        "cpu": models[0].partition(":")[2].strip() if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "load": round(os.getloadavg()[0], 1),
    }


def _table(groups: "Mapping[str, list[Timing]]") -> list[str]:
    lines = []
    for name, rows in groups.items():
        lines += ["", f"| {name} | ms | times | median | quartiles |", "|---|---|---|---|---|"]
        lines += [
            f"| {row.what} | {row.ms:,.1f} | {row.of} | {row.ratio:.2f} | {row.low:.2f} to {row.high:.2f} |"
            for row in rows
        ]
    return lines


COMMANDS = {
    "bench": Command(
        bench,
        [
            ("--task", {"action": "append", "help": f"a task; may be given again (default: {' and '.join(TASKS)})"}),
            ("--manifest", {"type": Path, "help": "samples of the one task (default: its examples)"}),
            ("--samples", {"type": int, "default": 64, "help": "how many of them (default: 64)"}),
            ("--rounds", {"type": int, "default": 5, "help": "how often each thing is timed (default: 5)"}),
            (
                "--cpu",
                {"action": "store_true", "help": "time the processor, not the clock, where others use the machine too"},
            ),
            ("--only", {"action": "append", "choices": [ONE, MANY, START], "help": "time this alone; may be repeated"}),
            RUNTIME,
            VERSION,
        ],
    ),
}
