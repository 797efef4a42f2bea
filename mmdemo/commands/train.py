"""train: a version folder from two manifests."""

import argparse
import dataclasses
import shlex
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdemo import tasks
from mmdemo.commands.calibrate import promise_lines, write_promise
from mmdemo.commands.command import TASK, Argument, Command, CommandResult, version_folder
from mmdemo.commands.evaluate import figure_lines, measure
from mmdemo.errors import ManifestError
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.promise import PromiseRecord
from mmdemo.values.results import EvaluationResult
from mmdemo.values.samples import to_json

if TYPE_CHECKING:
    from mmdemo.training.manifests import Row

_START = "MODALITY=FOLDER (a version's too) or MODALITY=NAME on the Hub: weights to start from (default: the task's)"
_OPTION = "any training option, such as tuning=lora or patience=3; see mmdemo/training/options.py"
DATA: list[Argument] = [
    TASK,
    ("--train", {"type": Path, "required": True, "help": "manifest to learn from"}),
    ("--dev", {"type": Path, "required": True, "help": "manifest to report on; never learned from"}),
    ("--skip-bad", {"action": "store_true", "help": "leave out lines at fault instead of stopping at them"}),
    ("--start", {"action": "append", "default": [], "metavar": "START", "help": _START}),
    ("--option", {"action": "append", "default": [], "metavar": "NAME=VALUE", "help": _OPTION}),
    ("--seed", {"type": int, "default": 0, "help": "the same seed gives the same weights"}),
]


def train(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Train a version folder; the model card and version.json get the figures on dev. Once killed, it goes on."""
    from mmdemo.training import run
    from mmdemo.training.data import Manifests
    from mmdemo.training.fitting import processes
    from mmdemo.training.jobs import Origin, TrainingJob
    from mmdemo.training.options import options

    task = tasks.get(args.task, config.task_dir).in_profile(config.profile)
    chosen = {name: value for name in _OWN_FLAG if (value := getattr(args, name)) is not None}
    origin = Origin(
        starts_of(args.start, task),
        version_folder(task, args.parent, config) if args.parent else None,
        [version_folder(task, teacher, config) for teacher in args.teacher],
    )
    measured: list[tuple[PromiseRecord | None, EvaluationResult]] = []

    def finish(folder: Path, rows: "Sequence[Row]") -> None:
        measured.append((write_promise(task, folder, rows, config), measure(task, folder, args.dev, config)))

    out = run.train(
        TrainingJob.of(task, options(task, **{**options_of(args.option), **chosen, "seed": args.seed}), origin),
        Manifests(args.train, args.dev, args.skip_bad),
        args.out,
        folds=args.folds,
        record=run.TrainingRecord(args.name or "", _command(args, config), args.log),
        finish=finish,
    )
    if not processes.leads():
        raise SystemExit(0)  # one of several that trained together says what came of it
    [(record, figures)] = measured
    return CommandResult(
        {"version": figures.model_version, "path": str(out), **to_json(figures)},
        [str(out), *figure_lines(figures), *promise_lines(record)],
    )


def starts_of(entries: Sequence[str], task: Task) -> dict[str, str]:
    """Return by modality what to start from. Raises ManifestError."""
    pairs = [entry.partition("=") for entry in entries]
    for name, equals, value in pairs:
        if name not in task.modalities or not equals or not value:
            raise ManifestError("start_wrong", value=f"{name}{equals}{value}", known=", ".join(task.modalities))
    return {name: value for name, _, value in pairs}


def options_of(entries: Sequence[str]) -> dict[str, Any]:
    """Return options by name, values read as TOML where they are and as text where not. Raises ManifestError."""
    from mmdemo.training.options import Options

    result = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not equals:
            names = ", ".join(item.name for item in dataclasses.fields(Options))
            raise ManifestError("option_not_given", value=entry, known=names)
        try:
            result[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            result[name] = value
    return result


def _command(args: argparse.Namespace, config: Settings) -> str:
    """Return the command that trains this again, with DATA and WEIGHTS in place of folders of this machine."""
    words = [f"MMDEMO_PROFILE={config.profile}"] if config.profile else []
    words += ["python", "-m", "mmdemo", "train", "--task", args.task]
    words += ["--train", f"DATA/{Path(args.train).name}", "--dev", f"DATA/{Path(args.dev).name}"]
    for entry in args.start:
        modality, _, start = entry.partition("=")
        words += ["--start", f"{modality}=WEIGHTS/{Path(start).name}"]
    words += [word for option in args.option for word in ("--option", option)]
    words += [word for teacher in args.teacher for word in ("--teacher", Path(teacher).name)]
    for option in (*_OWN_FLAG, "folds", "parent", "name"):
        value = getattr(args, option)
        words += [f"--{option.replace('_', '-')}", str(value)] if value else []
    words += ["--skip-bad"] if args.skip_bad else []
    return shlex.join([*words, "--seed", str(args.seed), "--out", Path(args.out).name])


_OWN_FLAG = ("epochs", "batch", "encoder_lr", "head_lr")  # options that have one

COMMANDS = {
    "train": Command(
        train,
        [
            *DATA,
            ("--out", {"type": Path, "required": True, "help": "new version folder"}),
            ("--parent", {"help": "version, or its folder, to train further"}),
            (
                "--teacher",
                {"action": "append", "default": [], "help": "version whose answers are learned too; several"},
            ),
            ("--name", {"help": "name of the version (default: that of the folder)"}),
            ("--folds", {"type": int, "default": 0, "help": "cross-validate on so many parts first; this calibrates"}),
            ("--log", {"type": Path, "metavar": "DIR", "help": "write TensorBoard's files there"}),
            ("--epochs", {"type": float, "help": "times through the samples"}),
            ("--batch", {"type": int, "help": "samples a step"}),
            ("--encoder-lr", {"type": float, "help": "learning rate of encoders with a start"}),
            ("--head-lr", {"type": float, "help": "learning rate of everything else"}),
        ],
    ),
}
