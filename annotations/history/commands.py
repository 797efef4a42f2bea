"""Commands about the past: nights, lineage, diff."""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import mmdemo
from annotations.command_line import LoopResult, natural
from annotations.history import lineage as lineages
from annotations.history import nights as night_list
from annotations.history import version_diff
from annotations.history.lineage import SampleLineage, VersionLineage
from annotations.history.nights import RunReport
from annotations.history.version_diff import AnswerDifference, VersionDiff
from annotations.store import open_store, snapshots
from mmdemo import tasks
from mmdemo.errors import BadInput, UnknownName
from mmdemo.locale import text
from mmdemo.process.logs import say
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import to_json
from mmdemo.versions.registry import Versions

NIGHTS = 30  # that are listed
USES = {  # what a run did with a sample, by its side
    snapshots.TRAIN: "learned from it",
    snapshots.HELD_OUT: "was judged on it (held out)",
    snapshots.GOLDEN: "was judged on it (golden)",
    snapshots.SUSPECT: "held it back (its label was suspected)",
    snapshots.COPY: "left it out (a near copy of another sample)",
}
SIDES = {
    snapshots.TRAIN: "learned from",
    snapshots.HELD_OUT: "held out",
    snapshots.GOLDEN: "golden",
    snapshots.SUSPECT: "held back",
    snapshots.COPY: "near copies left out",
}


def nights(args: argparse.Namespace, config: Settings) -> LoopResult:
    """List the retraining runs, newest first: what they read, their verdicts and figures."""
    chosen = _chosen(args, config)
    with closing(open_store(config)) as store:
        listed = [night for task in chosen for night in night_list.of_task(store, task.name, args.limit)]
    lines = [line for night in listed for line in _night_lines(night)]
    return LoopResult(to_json(listed), lines or ["No retraining run has been written down yet."])


def lineage(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Say which versions learned from a sample, or what a version was trained on."""
    with closing(open_store(config)) as store:
        if args.sample is not None:
            sample = lineages.of_sample(store, config, args.sample)
            return LoopResult(to_json(sample), list(_sample_lines(sample)))
        task = task_with(args, config, args.version)
        version = lineages.of_version(store, config, task.name, args.version)
    return LoopResult(to_json(version), list(_version_lines(version)))


def diff(args: argparse.Namespace, config: Settings) -> LoopResult:
    """Say which stored and corrected samples two versions answer differently, and which of them is right."""
    names = (args.first, args.second)
    if names[0] == names[1]:
        raise BadInput("same_version", version=names[0])
    task = task_with(args, config, *names)
    with closing(open_store(config)) as store:
        outcome = version_diff.of(
            store,
            task,
            names,
            lambda name: mmdemo.Predictor(task, name, config),
            say,
        )
    return LoopResult(to_json(outcome), list(_diff_lines(outcome)))


def _chosen(args: argparse.Namespace, config: Settings) -> Sequence[Task]:
    return [tasks.get(args.task, config.task_dir)] if args.task else list(tasks.load_all(config.task_dir).values())


def task_with(args: argparse.Namespace, config: Settings, *names: str) -> Task:
    """Return the one task that has these versions. Raises UnknownName where none has, BadInput where several have."""
    versions = Versions(config)
    if args.task:
        task = tasks.get(args.task, config.task_dir)
        for name in names:
            versions.path(task.name, name)
        return task
    chosen = [task for task in _chosen(args, config) if _has(versions, task, names)]
    if len(chosen) > 1:
        raise BadInput("version_of_several", versions=", ".join(names), known=", ".join(task.name for task in chosen))
    if not chosen:
        known = ", ".join(task.name for task in _chosen(args, config))
        raise UnknownName("version_of_none", versions=", ".join(names), known=known)
    return chosen[0]


def _has(versions: Versions, task: Task, names: Sequence[str]) -> bool:
    return set(names) <= {info.version for info in versions.list(task.name)}


def _night_lines(night: RunReport) -> Iterator[str]:
    size = "a number of corrections that was not written down"
    if night.corrections is not None:
        size = f"{night.corrections} corrections"
    yield f"{night.started_at}  {night.task}: {night.verdict or night.state}, of {size}"
    if night.challenger:
        yield f"  {night.challenger}, against {night.champion or 'none'}"
    for sentence in night.sentences:
        yield f"  {sentence}"
    if night.figures:
        yield "  " + ", ".join(f"{name}: {_number(value)}" for name, value in night.figures.items())


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def _sample_lines(sample: SampleLineage) -> Iterator[str]:
    said = f"said to be {sample.value}" if sample.value is not None else "nothing counts as its answer today"
    yield f"{sample.sample_id} of {sample.task}: {said}{'; its content was erased' if sample.erased else ''}"
    for file in sample.files:
        yield f"  kept in {file}"
    for use in sample.uses:
        name, verdict = use.version or "a run without a version", use.verdict or "no verdict"
        yield f"  {use.started_at}  {name} ({verdict}) {USES[use.split]}, as {use.value or '(erased)'}"
    if sample.inherited:
        yield f"  trained on from one of these: {', '.join(sample.inherited)}"
    if not sample.learned:
        yield "  No version is known to have learned from it."
    if sample.not_kept:
        yield "  " + text("cli.snapshots_not_kept", versions=", ".join(sample.not_kept))


def _version_lines(version: VersionLineage) -> Iterator[str]:
    verdict = f", {version.verdict}" if version.verdict else ""
    yield f"{version.version} of {version.task}, made {version.created_at}{verdict}"
    yield f"  from         {' ← '.join(version.ancestors) or 'nothing: trained from scratch'}"
    yield f"  trained on   {version.samples} rows, SHA-256 {version.data or 'not written down'}"
    yield f"  with         {version.command or 'a command that was not written down'}, seed {version.seed}"
    yield f"  code         {version.code_revision or 'not written down'}"
    if version.snapshot is None:
        yield "  " + text("cli.snapshot_not_kept", version=version.version)
        return
    counts = Counter(entry.split for entry in version.snapshot)
    yield "  corrections  " + ", ".join(f"{counts[split]} {name}" for split, name in SIDES.items() if counts[split])
    for entry in version.snapshot:
        yield f"  {entry.split:<9} {entry.value:<14} {entry.sample_id}"


def _diff_lines(outcome: VersionDiff) -> Iterator[str]:
    yield text(
        "cli.diff",
        task=outcome.task,
        count=outcome.samples,
        differ=len(outcome.differences),
        first=outcome.first,
        second=outcome.second,
        first_right=outcome.first_right,
        second_right=outcome.second_right,
        gained=outcome.count(False, True),
        lost=outcome.count(True, False),
    )
    if outcome.left_out:
        yield text("cli.diff_left_out", count=outcome.left_out)
    for one in outcome.differences:
        yield f"  {_outcome(one)}  {one.first} → {one.second}  (people say {one.value})  {one.sample_id}{_learned(one)}"


def _outcome(one: AnswerDifference) -> str:
    names = {
        (False, True): "right now",
        (True, False): "wrong now",
        (True, True): "both right",
        (False, False): "both wrong",
    }
    return f"{names[one.first_right, one.second_right]:<10}"


def _learned(one: AnswerDifference) -> str:
    return f"  learned from by {', '.join(one.learned_by)}" if one.learned_by else ""


_TASK: tuple[Any, Any] = (("--task",), {"help": "name of a task, or path to its file"})
OF_SEVERAL: tuple[Any, Any] = (("--task",), {"help": "name of a task, where several have such a version"})

# As in `annotations.__main__`; of arguments that exclude one another, one is needed: they stand in a list.
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace, Settings], LoopResult], Sequence[Any]]] = {
    "nights": (
        nights,
        [_TASK, (("--limit",), {"type": natural, "default": NIGHTS, "help": "at most so many a task"})],
    ),
    "lineage": (
        lineage,
        [
            [
                (("--sample",), {"metavar": "ID", "help": "which versions learned from it"}),
                (("--version",), {"metavar": "VERSION", "help": "what it was trained on"}),
            ],
            OF_SEVERAL,
        ],
    ),
    "diff": (diff, [(("first",), {"metavar": "V1"}), (("second",), {"metavar": "V2"}), OF_SEVERAL]),
}
