"""tasks, versions, settings: what is there."""

import argparse
import dataclasses
import re
from typing import Any

from mmdemo import tasks
from mmdemo.commands.command import Command, CommandResult
from mmdemo.settings import Settings
from mmdemo.values.samples import to_json
from mmdemo.versions.registry import Versions

MASK = "••••"  # stands where a secret is set


def show_tasks(args: argparse.Namespace, config: Settings) -> CommandResult:
    """List the tasks."""
    rows = tasks.load_all(config.task_dir).values()
    value = [
        {
            "name": task.name,
            "title": task.display_title(),
            "kind": task.kind,
            "modalities": list(task.modalities),
            "labels": list(task.label_names),
            "none_of_these": task.none_of_these,
            "languages": list(task.languages),
            "threshold": task.threshold,
            "promise": to_json(task.promise),
        }
        for task in rows
    ]
    lines = [f"{task.name:<16} {'+'.join(task.modalities):<11} {', '.join(task.answers) or task.kind}" for task in rows]
    return CommandResult(value, lines)


def show_versions(args: argparse.Namespace, config: Settings) -> CommandResult:
    """List the versions of a task, or of all; the served one is marked."""
    selection = [tasks.get(args.task, config.task_dir)] if args.task else list(tasks.load_all(config.task_dir).values())
    rows = [(task.name, info) for task in selection for info in Versions(config).list(task.name)]
    lines = [
        f"{'*' if info.served else ' '} {name:<16} {info.version:<20} {info.created_at}  "
        + ", ".join(f"{figure} {value:.4g}" for figure, value in info.figures.items())
        + (f"; {info.measured_sentence()}" if info.figures else "")
        for name, info in rows
    ]
    return CommandResult(
        [{"task": name, **to_json(info)} for name, info in rows], lines or ["There are no versions yet."]
    )


def show_settings(args: argparse.Namespace, config: Settings) -> CommandResult:
    """List the settings: name, value, unit and meaning; secrets are masked."""
    entries = [
        {
            "name": item.metadata["variable"],
            "value": _shown(getattr(config, item.name), item.metadata["secret"]),
            "unit": item.metadata["unit"],
            "meaning": item.metadata["meaning"],
        }
        for item in dataclasses.fields(config)
    ]
    return CommandResult(
        entries, [f"{e['name']:<24} {e['value']!s:<32} {e['unit']:<8} {e['meaning']}" for e in entries]
    )


def _shown(value: Any, secret: bool) -> Any:
    if secret:
        return MASK if value else ""
    if isinstance(value, int):
        return value
    return re.sub(r"(://[^/:@]*:)[^/]*@", rf"\1{MASK}@", str(value or ""))  # the password in a URL


COMMANDS = {
    "tasks": Command(show_tasks),
    "versions": Command(show_versions, [("--task", {"help": "name of a task (default: all)"})]),
    "settings": Command(show_settings),
}
