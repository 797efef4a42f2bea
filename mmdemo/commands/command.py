"""What all commands share: how one is described, what it answers, and which version it means."""

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdemo.settings import TORCH, Settings
from mmdemo.tasks import Task
from mmdemo.versions.registry import Versions

if TYPE_CHECKING:
    from mmdemo.prediction.predictor import Predictor

Argument = tuple[str, dict[str, Any]]  # a flag, and what argparse is told about it
TASK: Argument = ("--task", {"required": True, "help": "name of a task, or path to its file"})
RUNTIME: Argument = (
    "--runtime",
    {"metavar": "NAME", "help": "what computes the encoders: torch, openvino or onnxruntime (default: MMDEMO_RUNTIME)"},
)
VERSION: Argument = ("--version", {"help": "name of a version, or its folder (default: the served one)"})


@dataclass(frozen=True)
class CommandResult:
    """What a command answers: as JSON, and as lines for a person."""

    value: Any
    lines: Sequence[str]


@dataclass(frozen=True)
class Command:
    """One command; the docstring of what runs it is its help."""

    run: Callable[[argparse.Namespace, Settings], CommandResult]
    arguments: Sequence[Argument] = ()


def predictor_of(task: Task, version: str | None, config: Settings, runtime: str | None = TORCH) -> "Predictor":
    """Return what answers for a task; loading torch is put off until a command needs it.

    `runtime` computes the encoders; None: as the settings say. Raises UnknownName, MmdemoError for one that is not
    there.
    """
    from mmdemo.prediction import engines
    from mmdemo.prediction.predictor import Predictor

    return Predictor(task, version, config, engine=engines.for_command(runtime, config))


def version_folder(task: Task, version: str | None, config: Settings) -> Path:
    """Return the folder of a version that is named, or given as a folder; the champion's where neither is."""
    if version and Path(version).is_dir():
        return Path(version)
    versions = Versions(config)
    return versions.path(task.name, version or versions.champion(task.name))
