"""compress: a smaller version from a version, and what that cost."""

import argparse
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from mmdemo import tasks
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, predictor_of, version_folder
from mmdemo.commands.train import options_of
from mmdemo.errors import ManifestError
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.history import CompressionRecord
from mmdemo.values.samples import to_json

SAMPLES, ROUNDS = 200, 3
# Named here too: help loads no torch.
METHODS = "fp16, int8, vocabulary, unreachable, onnx, onnx-dynamic, onnx-static, prune, depth or distil"


def compress(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Make a version smaller, and compare the two on labelled samples. Nobody is served by it."""
    from mmdemo.compression import MethodSettings, making
    from mmdemo.training import manifests

    task = tasks.get(args.task, config.task_dir)
    folder = version_folder(task, args.version, config)
    comparing = making.Comparing(
        (args.dev or args.manifest).name,
        manifests.read(args.dev, task) if args.dev else None,
        args.samples,
        ROUNDS,
        time.process_time if args.cpu else time.perf_counter,
        lambda path: predictor_of(task, str(path), config),
    )
    naming = making.Naming(args.out, args.name or args.out.name, _command(args, task))
    rows = manifests.read(args.manifest, task)
    chosen = MethodSettings(
        args.sparsity,
        _layers(args.layers),
        tasks.get(args.into, config.task_dir) if args.into else None,
        options_of(args.option),
    )
    record = making.compress(args.method, task, folder, rows, chosen, naming, comparing)
    value = {"version": naming.name, "path": str(args.out), **to_json(record)}
    return CommandResult(value, [str(args.out), *record_lines(record)])


def _layers(entries: Sequence[str]) -> dict[str, int]:
    """Return by part how many layers are kept. Raises ManifestError."""
    pairs = [entry.partition("=") for entry in entries]
    for name, _, value in pairs:
        if not value.isdigit():
            raise ManifestError("layers_wrong", value=f"{name}={value}")
    return {name: int(value) for name, _, value in pairs}


def record_lines(record: CompressionRecord) -> Sequence[str]:
    """Return as a person reads it how a smaller version compares with its original."""
    median, low, high = record.latency
    chosen = ", ".join(f"{name} {value}" for name, value in record.settings.items())
    return [
        f"{record.method}{f' ({chosen})' if chosen else ''}, on {record.samples} samples of {record.manifest}",
        f"bytes {record.bytes.before:,} → {record.bytes.after:,} ({record.bytes.after / record.bytes.before:.3f} ×)",
        f"answers as before {record.agreement:.4f}",
        f"accuracy {record.accuracy.before:.4f} → {record.accuracy.after:.4f}",
        f"ECE {record.ece.before:.4f} → {record.ece.after:.4f}",
        f"only a guess {record.guessed.before:.4f} → {record.guessed.after:.4f}",
        *([f"maps fall short by {record.maps.before:.2f} → {record.maps.after:.2f}"] if record.maps else []),
        f"an answer takes {median:.2f} × as long ({low:.2f} to {high:.2f})",
        *(f"{name} {value:g}" for name, value in record.more.items()),
    ]


def _command(args: argparse.Namespace, task: Task) -> str:
    """Return the command that makes this again, with DATA in place of a folder of this machine."""
    words = ["python", "-m", "mmdemo", "compress", "--task", task.name, "--method", args.method]
    words += ["--manifest", f"DATA/{args.manifest.name}"]
    words += ["--dev", f"DATA/{args.dev.name}"] if args.dev else []
    words += ["--sparsity", f"{args.sparsity:g}"] if args.sparsity is not None else []
    words += [word for entry in args.layers for word in ("--layers", entry)]
    words += ["--into", Path(args.into).name] if args.into else []
    words += [word for entry in args.option for word in ("--option", entry)]
    words += ["--out", args.out.name]
    return shlex.join(words)


COMMANDS = {
    "compress": Command(
        compress,
        [
            TASK,
            VERSION,
            ("--method", {"required": True, "help": f"how: {METHODS}"}),
            (
                "--manifest",
                {"type": Path, "required": True, "help": "labelled samples to go by, and to compare on"},
            ),
            ("--dev", {"type": Path, "help": "other samples to compare on, that the method is not given"}),
            ("--out", {"type": Path, "required": True, "help": "new version folder"}),
            ("--name", {"help": "name of the new version (default: that of the folder)"}),
            (
                "--samples",
                {"type": int, "default": SAMPLES, "help": "of the manifest, to compare on (default: %(default)s)"},
            ),
            ("--sparsity", {"type": float, "help": "of prune: share of each matrix that becomes 0"}),
            (
                "--layers",
                {"action": "append", "default": [], "metavar": "PART=N", "help": "of depth: layers that a part keeps"},
            ),
            ("--into", {"metavar": "TASK", "help": "of distil: task file, or name, of the smaller network"}),
            (
                "--option",
                {"action": "append", "default": [], "metavar": "NAME=VALUE", "help": "of what trains, as in train"},
            ),
            ("--cpu", {"action": "store_true", "help": "time the processor, not the clock"}),
        ],
    ),
}
