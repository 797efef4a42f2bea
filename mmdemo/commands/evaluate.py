"""evaluate: how good a version is on labelled samples, and what it differs by from another."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmdemo import tasks
from mmdemo.commands.command import RUNTIME, TASK, VERSION, Command, CommandResult, predictor_of, version_folder
from mmdemo.process.logs import say
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.history import MeasuredCurves
from mmdemo.values.results import BehaviourRate, Beside, EvaluationResult, Recall, SliceMetrics, title
from mmdemo.values.review import MeasuredOn
from mmdemo.values.samples import to_json
from mmdemo.versions import sidecar

if TYPE_CHECKING:
    from mmdemo.evaluation.answers import Answers
    from mmdemo.prediction.predictor import Predictor
    from mmdemo.training.manifests import Row


def evaluate(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Measure a version on labelled samples."""
    from mmdemo.evaluation import ask, compare, report, robustness
    from mmdemo.evaluation.report import mistakes
    from mmdemo.training import manifests

    task = tasks.get(args.task, config.task_dir)
    folders = [version_folder(task, name, config) for name in (args.version, *filter(None, [args.against]))]
    rows = manifests.read(args.manifest, task)
    predictors = [predictor_of(task, str(folder), config, args.runtime) for folder in folders]
    answers = [ask(predictor, rows, say) for predictor in predictors]
    tests = None if args.behaviour is None else rows if args.behaviour == "" else manifests.read(args.behaviour, task)
    figures, *others = [_figures(*pair, rows, tests) for pair in zip(predictors, answers, strict=True)]
    beside = Beside(others[0], compare(*answers)) if others else None
    if args.report:
        damaged = robustness.measure(predictors[0], rows, say)
        worst = mistakes.worst(answers[0].whole, task)
        report.write(args.report, report.Report(task, args.manifest.name, figures, damaged, worst, beside))
    if args.describe:
        describe(folders[0], figures, answers[0], args.manifest)
    return CommandResult(
        {**to_json(figures), "beside": to_json(beside)}, [*figure_lines(figures), *_beside_lines(beside)]
    )


def measure(task: Task, folder: Path, manifest: Path, config: Settings) -> EvaluationResult:
    """Return the figures of a version folder on a manifest, and write them there.

    Raises ManifestError, CheckpointError.
    """
    from mmdemo.evaluation import ask
    from mmdemo.training import manifests

    predictor, rows = predictor_of(task, str(folder), config), manifests.read(manifest, task)
    answers = ask(predictor, rows, say)
    figures = _figures(predictor, answers, rows)
    describe(folder, figures, answers, manifest)
    return figures


def _figures(
    predictor: "Predictor", answers: "Answers", rows: Sequence["Row"], tests: Sequence["Row"] | None = None
) -> EvaluationResult:
    from mmdemo.evaluation import behaviour, figures, retrieval

    overall = dataclasses.replace(figures(answers), retrieval=retrieval.measure(answers, rows))
    if tests is None:
        return overall
    results = behaviour.ask(predictor, behaviour.instances(predictor.task, tests), say)
    return dataclasses.replace(overall, behaviour=behaviour.rates(results, predictor.task))


def describe(folder: Path, figures: EvaluationResult, answers: "Answers", manifest: Path) -> None:
    """Write the figures into version.json and model_card.md, and the curves into curves.json."""
    from mmdemo.versions import card, curves

    about = sidecar.read(folder)
    measured = {name: round(figures.figure(name), 4) for name in ("accuracy", figures.short, "ece")}
    changed = dataclasses.replace(
        about, figures={**about.figures, **measured}, measured_on=MeasuredOn.DEV, measured=figures.n
    )
    sidecar.write(folder, changed)
    card.write(folder, answers.task, figures)
    curves.write(folder, _curves(answers, manifest))


def _curves(answers: "Answers", manifest: Path) -> MeasuredCurves | None:
    from mmdemo import curves
    from mmdemo.evaluation import slices

    outcomes = slices.judged(answers.task, answers.whole)
    drawn = curves.of(outcomes.confidence.tolist(), outcomes.right.tolist())
    return MeasuredCurves(drawn, len(answers.whole), MeasuredOn.DEV, manifest.name) if drawn else None


def figure_lines(figures: EvaluationResult) -> list[str]:
    """Return the figures as a person reads them in a terminal."""
    before = f"; before calibration {figures.raw.ece:.4f}" if figures.raw else ""
    parts: dict[str, SliceMetrics] = {**figures.by_group, **figures.by_modalities}
    return [
        f"{figures.model_version}: {figures.n} samples, accuracy {_with_interval(figures, 'accuracy')}, "
        f"{title(figures.short)} {_with_interval(figures, figures.short)}",
        f"ECE {figures.ece:.4f} (floor {figures.ece_floor:.4f}{before}), AURC {_with_interval(figures, 'aurc')}",
        f"flagged {figures.flagged_share:.1%}, wrong among the others {figures.error_unflagged:.1%}",
        *[_recall_line(way, recall) for way, recall in figures.retrieval.items()],
        *[_behaviour_line(name, rate) for name, rate in figures.behaviour.items()],
        *[_part_line(name, part) for name, part in parts.items()],
    ]


def _part_line(name: str, part: SliceMetrics) -> str:
    own = f"{title(part.short)} {part.figure(part.short):.4f}"
    return f"  {name:<14} n {part.n:<6} accuracy {part.accuracy:.4f}  {own}"


def _recall_line(way: str, recall: Recall) -> str:
    low, high = recall.interval
    line = f"recall@10 {way.replace('_', ' ')} {recall.recall_at_10:.4f} ({low:.4f} to {high:.4f})"
    return f"{line}, by chance {recall.chance:.4f}, among {recall.n} samples"


def _behaviour_line(name: str, rate: BehaviourRate) -> str:
    low, high = rate.interval
    line = f"  {name:<20} n {rate.n:<5} holds {rate.rate:.4f} ({low:.4f} to {high:.4f})"
    return f"{line}  wrong and sure {rate.wrong_and_sure:.4f}"


def _with_interval(figures: EvaluationResult, name: str) -> str:
    low, high = figures.intervals[name]
    return f"{figures.figure(name):.4f} ({low:.4f} to {high:.4f})"


def _beside_lines(beside: Beside | None) -> list[str]:
    if beside is None:
        return []
    compared = beside.compared
    lines = [
        f"  {name:<9} {difference.value:+.4f} ({difference.interval[0]:+.4f} to {difference.interval[1]:+.4f})"
        for name, difference in compared.differences.items()
    ]
    return [f"minus {compared.against}, on {compared.n} samples that both judged:", *lines]


COMMANDS = {
    "evaluate": Command(
        evaluate,
        [
            TASK,
            ("--manifest", {"type": Path, "required": True, "help": "labelled samples"}),
            RUNTIME,
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
            (
                "--describe",
                {
                    "action": "store_true",
                    "help": "write the figures into version.json and model card, the curves into curves.json",
                },
            ),
        ],
    ),
}
