"""compress: a smaller version from a version, and what that cost."""

import argparse
import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from mmdemo import tasks
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, predictor_of, version_folder
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import to_json
from mmdemo.versions.compression_record import CompressionRecord

SAMPLES, ROUNDS = 200, 3


def compress(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Make a version smaller, and compare the two on labelled samples. Nobody is served by it."""
    from mmdemo.compression import Settings as MethodSettings
    from mmdemo.compression import making
    from mmdemo.training import manifests

    task = tasks.get(args.task, config.task_dir)
    folder = version_folder(task, args.version, config)
    comparing = making.Comparing(
        args.manifest.name,
        args.samples,
        ROUNDS,
        time.process_time if args.cpu else time.perf_counter,
        lambda path: predictor_of(task, str(path), config),
    )
    naming = making.Naming(args.out, args.name or args.out.name, _command(args, task))
    rows = manifests.read(args.manifest, task)
    record = making.compress(args.method, task, folder, rows, MethodSettings(), naming, comparing)
    value = {"version": naming.name, "path": str(args.out), **to_json(record)}
    return CommandResult(value, [str(args.out), *record_lines(record)])


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
        f"an answer takes {median:.2f} × as long ({low:.2f} to {high:.2f})",
        *(f"{name} {value:g}" for name, value in record.more.items()),
    ]


def _command(args: argparse.Namespace, task: Task) -> str:
    """Return the command that makes this again, with DATA in place of a folder of this machine."""
    words = ["python", "-m", "mmdemo", "compress", "--task", task.name, "--method", args.method]
    words += ["--manifest", f"DATA/{args.manifest.name}", "--out", args.out.name]
    return shlex.join(words)


COMMANDS = {
    "compress": Command(
        compress,
        [
            TASK,
            VERSION,
            ("--method", {"required": True, "help": "how: fp16, int8 or vocabulary"}),
            ("--manifest", {"type": Path, "required": True, "help": "labelled samples to go by, and to compare on"}),
            ("--out", {"type": Path, "required": True, "help": "new version folder"}),
            ("--name", {"help": "name of the new version (default: that of the folder)"}),
            (
                "--samples",
                {"type": int, "default": SAMPLES, "help": "of the manifest, to compare on (default: %(default)s)"},
            ),
            ("--cpu", {"action": "store_true", "help": "time the processor, not the clock"}),
        ],
    ),
}
