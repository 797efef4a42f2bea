"""evaluate: how good a version is on labelled samples, and what it differs by from another."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmdemo import sidecar, tasks
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, predictor_of, progress, version_folder
from mmdemo.figures import BehaviourRate, Beside, Figures, Recall, Slice, title
from mmdemo.samples import to_json
from mmdemo.settings import Settings
from mmdemo.tasks import Task

if TYPE_CHECKING:
    from mmdemo.evaluation.answers import Answers
    from mmdemo.predictor import Predictor
    from mmdemo.training.manifests import Row


def evaluate(given: argparse.Namespace, config: Settings) -> CommandResult:
    """Measure a version on labelled samples."""
    from mmdemo.evaluation import ask, compare, mistakes, report, robustness
    from mmdemo.training import manifests

    task = tasks.get(given.task, config.task_dir)
    folders = [version_folder(task, name, config) for name in (given.version, *filter(None, [given.against]))]
    rows = manifests.read(given.manifest, task)
    predictors = [predictor_of(task, str(folder), config) for folder in folders]
    answers = [ask(predictor, rows, progress) for predictor in predictors]
    tests = (
        None if given.behaviour is None else rows if given.behaviour == "" else manifests.read(given.behaviour, task)
    )
    found, *others = [_figures(*pair, rows, tests) for pair in zip(predictors, answers, strict=True)]
    beside = Beside(others[0], compare(*answers)) if others else None
    if given.report:
        damaged = robustness.measure(predictors[0], rows, progress)
        worst = mistakes.worst(answers[0].whole, task)
        report.write(given.report, report.Report(task, given.manifest.name, found, damaged, worst, beside))
    if given.describe:
        describe(task, folders[0], found)
    return CommandResult({**to_json(found), "beside": to_json(beside)}, [*figure_lines(found), *_beside_lines(beside)])


def measure(task: Task, folder: Path, manifest: Path, config: Settings) -> Figures:
    """Return the figures of a version folder on a manifest. Raises ManifestError, CheckpointError."""
    from mmdemo.evaluation import ask
    from mmdemo.training import manifests

    predictor, rows = predictor_of(task, str(folder), config), manifests.read(manifest, task)
    return _figures(predictor, ask(predictor, rows, progress), rows)


def _figures(
    predictor: "Predictor", answers: "Answers", rows: Sequence["Row"], tests: Sequence["Row"] | None = None
) -> Figures:
    from mmdemo.evaluation import behaviour, figures, retrieval

    found = dataclasses.replace(figures(answers), retrieval=retrieval.measure(predictor, rows, progress))
    if tests is None:
        return found
    results = behaviour.ask(predictor, behaviour.instances(predictor.task, tests), progress)
    return dataclasses.replace(found, behaviour=behaviour.rates(results, predictor.task))


def describe(task: Task, folder: Path, found: Figures) -> None:
    """Write the figures into version.json and model_card.md."""
    from mmdemo import card

    about = sidecar.read(folder)
    measured = {name: round(found.figure(name), 4) for name in ("accuracy", found.short, "ece")}
    changed = dataclasses.replace(
        about, figures={**about.figures, **measured}, measured_on=sidecar.DEV, measured=found.n
    )
    sidecar.write(folder, changed)
    card.write(folder, task, found)


def figure_lines(found: Figures) -> list[str]:
    """Return the figures as a person reads them in a terminal."""
    before = f"; before calibration {found.raw.ece:.4f}" if found.raw else ""
    parts: dict[str, Slice] = {**found.by_group, **found.by_modalities}
    return [
        f"{found.model_version}: {found.n} samples, accuracy {_told(found, 'accuracy')}, "
        f"{title(found.short)} {_told(found, found.short)}",
        f"ECE {found.ece:.4f} (floor {found.ece_floor:.4f}{before}), AURC {_told(found, 'aurc')}",
        f"flagged {found.flagged_share:.1%}, wrong among the others {found.error_unflagged:.1%}",
        *[_recall_line(way, recall) for way, recall in found.retrieval.items()],
        *[_behaviour_line(name, rate) for name, rate in found.behaviour.items()],
        *[_part_line(name, part) for name, part in parts.items()],
    ]


def _part_line(name: str, found: Slice) -> str:
    own = f"{title(found.short)} {found.figure(found.short):.4f}"
    return f"  {name:<14} n {found.n:<6} accuracy {found.accuracy:.4f}  {own}"


def _recall_line(way: str, found: Recall) -> str:
    low, high = found.interval
    told = f"recall@10 {way.replace('_', ' ')} {found.recall_at_10:.4f} ({low:.4f} to {high:.4f})"
    return f"{told}, by chance {found.chance:.4f}, among {found.n} samples"


def _behaviour_line(name: str, found: BehaviourRate) -> str:
    low, high = found.interval
    told = f"  {name:<20} n {found.n:<5} holds {found.rate:.4f} ({low:.4f} to {high:.4f})"
    return f"{told}  wrong and sure {found.wrong_and_sure:.4f}"


def _told(found: Figures, name: str) -> str:
    low, high = found.intervals[name]
    return f"{found.figure(name):.4f} ({low:.4f} to {high:.4f})"


def _beside_lines(beside: Beside | None) -> list[str]:
    if beside is None:
        return []
    compared = beside.compared
    told = [
        f"  {name:<9} {found.value:+.4f} ({found.interval[0]:+.4f} to {found.interval[1]:+.4f})"
        for name, found in compared.differences.items()
    ]
    return [f"minus {compared.against}, on {compared.n} samples that both judged:", *told]


COMMANDS = {
    "evaluate": Command(
        evaluate,
        [
            TASK,
            ("--manifest", {"type": Path, "required": True, "help": "labelled samples"}),
            VERSION,
            ("--against", {"metavar": "VERSION", "help": "another version, or its folder, on the same samples"}),
            (
                "--behaviour",
                {
                    "nargs": "?",
                    "const": "",
                    "metavar": "MANIFEST",
                    "help": "ask what the task's capabilities ask too, beside pictures of the samples or of MANIFEST",
                },
            ),
            ("--report", {"type": Path, "metavar": "DIR", "help": "write a page and figures.json there; takes longer"}),
            ("--describe", {"action": "store_true", "help": "write the figures into version.json and model card"}),
        ],
    ),
}
