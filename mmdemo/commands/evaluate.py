"""evaluate: how good a version is on labelled samples."""

import argparse
import dataclasses
from pathlib import Path

from mmdemo import sidecar, tasks
from mmdemo.commands.command import TASK, VERSION, Command, Said, predictor_of, progress, version_folder
from mmdemo.figures import Figures
from mmdemo.samples import to_json
from mmdemo.settings import Settings
from mmdemo.tasks import Task


def evaluate(given: argparse.Namespace, config: Settings) -> Said:
    """Measure a version on labelled samples."""
    from mmdemo.evaluation import report

    task = tasks.get(given.task, config.task_dir)
    folder = version_folder(task, given.version, config)
    found = measure(task, folder, given.manifest, config)
    if given.report:
        report.write(given.report, found)
    if given.describe:
        describe(task, folder, found)
    return Said(to_json(found), figure_lines(found))


def measure(task: Task, folder: Path, manifest: Path, config: Settings) -> Figures:
    """Return the figures of a version folder on a manifest. Raises ManifestError, CheckpointError."""
    from mmdemo.evaluation import evaluate
    from mmdemo.training import manifests

    rows = manifests.read(manifest, task)
    return evaluate(predictor_of(task, str(folder), config), rows, progress)


def describe(task: Task, folder: Path, found: Figures) -> None:
    """Write the figures into version.json and model_card.md."""
    from mmdemo import card

    about = sidecar.read(folder)
    measured = {name: round(getattr(found, name), 4) for name in ("accuracy", "macro_f1", "ece")}
    sidecar.write(folder, dataclasses.replace(about, figures={**about.figures, **measured}))
    card.write(folder, task, found)


def figure_lines(found: Figures) -> list[str]:
    """Return the figures as a person reads them in a terminal."""
    head = f"{found.model_version}: {found.n} samples, accuracy {found.accuracy:.4f}, macro-F1 {found.macro_f1:.4f}"
    rest = f"ECE {found.ece:.4f} (floor {found.ece_floor:.4f}), flagged {found.flagged_share:.1%}, "
    parts = {**found.by_group, **found.by_modalities}
    return [
        head,
        f"{rest}wrong among the others {found.error_unflagged:.1%}",
        *[f"  {name:<14} n {p.n:<6} accuracy {p.accuracy:.4f}  macro-F1 {p.macro_f1:.4f}" for name, p in parts.items()],
    ]


COMMANDS = {
    "evaluate": Command(
        evaluate,
        [
            TASK,
            ("--manifest", {"type": Path, "required": True, "help": "labelled samples"}),
            VERSION,
            ("--report", {"type": Path, "metavar": "DIR", "help": "write a page and figures.json there"}),
            ("--describe", {"action": "store_true", "help": "write the figures into version.json and model card"}),
        ],
    ),
}
