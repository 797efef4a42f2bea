"""train: a version folder from two manifests."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from mmdemo import tasks
from mmdemo.commands.command import TASK, Command, Said, version_folder
from mmdemo.commands.evaluate import describe, figure_lines, measure
from mmdemo.errors import ManifestError
from mmdemo.samples import to_json
from mmdemo.settings import Settings
from mmdemo.tasks import Task

_START = "MODALITY=FOLDER or MODALITY=NAME on the Hub: weights to start from (default: the task's)"


def train(given: argparse.Namespace, config: Settings) -> Said:
    """Train a version folder; the model card and version.json get the figures on dev."""
    from mmdemo.training import run

    task = tasks.get(given.task, config.task_dir).in_profile(config.profile)
    starts = _starts(given.start, task)
    parent = version_folder(task, given.parent, config) if given.parent else None
    overrides = {name: getattr(given, name) for name in ("epochs", "batch", "encoder_lr", "head_lr")}
    out = run.train(
        task,
        given.train,
        given.dev,
        given.out,
        starts=starts,
        parent=parent,
        seed=given.seed,
        version=given.name,
        command=_command(given, config),
        **overrides,
    )
    found = measure(task, out, given.dev, config)
    describe(task, out, found)
    return Said({"version": found.model_version, "path": str(out), **to_json(found)}, [str(out), *figure_lines(found)])


def _starts(given: Sequence[str], task: Task) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in given]
    for name, equals, value in pairs:
        if name not in task.modalities or not equals or not value:
            raise ManifestError("start_wrong", value=f"{name}{equals}{value}", known=", ".join(task.modalities))
    return {name: value for name, _, value in pairs}


def _command(given: argparse.Namespace, config: Settings) -> str:
    """Return the command that trains this again, with DATA and WEIGHTS in place of folders of this machine."""
    words = [f"MMDEMO_PROFILE={config.profile}"] if config.profile else []
    words += ["python", "-m", "mmdemo", "train", "--task", given.task]
    words += ["--train", f"DATA/{Path(given.train).name}", "--dev", f"DATA/{Path(given.dev).name}"]
    for entry in given.start:
        modality, _, start = entry.partition("=")
        words += ["--start", f"{modality}=WEIGHTS/{Path(start).name}"]
    for option in ("epochs", "batch", "encoder_lr", "head_lr", "parent", "name"):
        value = getattr(given, option)
        words += [f"--{option.replace('_', '-')}", str(value)] if value is not None else []
    return shlex.join([*words, "--seed", str(given.seed), "--out", Path(given.out).name])


COMMANDS = {
    "train": Command(
        train,
        [
            TASK,
            ("--train", {"type": Path, "required": True, "help": "manifest to learn from"}),
            ("--dev", {"type": Path, "required": True, "help": "manifest to report on; never learned from"}),
            ("--out", {"type": Path, "required": True, "help": "new version folder"}),
            ("--start", {"action": "append", "default": [], "metavar": "START", "help": _START}),
            ("--parent", {"help": "version, or its folder, to train further"}),
            ("--name", {"help": "name of the version (default: that of the folder)"}),
            ("--epochs", {"type": float, "help": "times through the samples"}),
            ("--batch", {"type": int, "help": "samples a step"}),
            ("--encoder-lr", {"type": float, "help": "learning rate of encoders with a start"}),
            ("--head-lr", {"type": float, "help": "learning rate of everything else"}),
            ("--seed", {"type": int, "default": 0, "help": "the same seed gives the same weights"}),
        ],
    ),
}
