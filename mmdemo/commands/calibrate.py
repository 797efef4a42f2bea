"""calibrate: how sure a version is, how readily it refuses, what it can promise; by samples that trained nothing."""

import argparse
import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmdemo import tasks
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, predictor_of, version_folder
from mmdemo.errors import ManifestError
from mmdemo.process.logs import say
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.promise import PromiseOutcome, PromiseRecord
from mmdemo.values.samples import to_json
from mmdemo.versions import curves, sidecar

if TYPE_CHECKING:
    from mmdemo.training.calibration.recalibration import Recalibration
    from mmdemo.training.manifests import Row

MOST_REFUSED = 0.01


def calibrate(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Copy a version, with temperatures, a readiness to refuse and thresholds fitted to what trained nothing."""
    from mmdemo.model import packing
    from mmdemo.training import manifests
    from mmdemo.training.calibration import recalibration
    from mmdemo.training.manifests import splits

    task = tasks.get(args.task, config.task_dir)
    folder = version_folder(task, args.version, config)
    if args.out.exists():
        raise ManifestError("out_taken", path=args.out)
    if args.manifest is None and not args.thresholds:
        raise ManifestError("calibrates_by_nothing")
    if args.thresholds and task.promise is None:
        raise ManifestError("promises_nothing", task=task.name)
    before = sidecar.read(folder)
    sidecar.check(before, task, folder)
    rows = manifests.read(args.manifest, task) if args.manifest else []
    if args.aside is not None:
        _, rows = splits.calibration_split(rows, args.aside, task.split_by)
    to_fit, to_test = ([], rows) if args.thresholds else splits.promise_split(rows, task)
    fitted = None if args.thresholds else recalibration.fit(folder, task, to_fit, args.refused)
    shutil.copytree(folder, args.out)
    packing.save(packing.read(folder), args.out)  # all in its own file: it may be copied on from there
    if fitted:
        recalibration.apply(args.out, fitted)
        curves.write(args.out, None)  # they were those of other confidences
    sidecar.write(
        args.out,
        dataclasses.replace(
            sidecar.read(args.out),
            version=args.name or before.version,
            command=_command(before, args, fitted is None),
            promise=None,  # what was tested before was tested on other confidences
            runtimes={},  # … and so was this
        ),
    )
    record = write_promise(task, args.out, to_test, config)
    value = {"path": str(args.out), **(dataclasses.asdict(fitted) if fitted else {}), "promise": to_json(record)}
    return CommandResult(value, [str(args.out), *_fitted_lines(fitted, before.none_of_these), *promise_lines(record)])


def write_promise(task: Task, folder: Path, rows: Sequence["Row"], config: Settings) -> PromiseRecord | None:
    """Write into version.json what a version can promise, by samples to which nothing was fitted; return it.

    One of each group of samples that are alike counts. None where the task promises nothing.
    """
    from mmdemo.evaluation import promised
    from mmdemo.training.data import datasets
    from mmdemo.training.manifests import splits

    if task.promise is None:
        return None
    sampled = [row for row in rows if not row.extra.get(datasets.CONSTRUCTED)]
    by = task.split_by if splits.has_field(sampled, task.split_by) else ""
    judged = splits.one_of_each(sampled, task.split_by)
    record = promised.judge(predictor_of(task, str(folder), config), judged, by, say)
    sidecar.write(folder, dataclasses.replace(sidecar.read(folder), promise=record))
    return record


def promise_lines(record: PromiseRecord | None) -> list[str]:
    """Return for each subset of the modalities what came of a test."""
    lines = {
        PromiseOutcome.STANDS: "{name}: threshold {kept.threshold:g}; {kept.wrong} of {kept.accepted} wrong above it",
        PromiseOutcome.TOO_FEW: "{name}: {kept.samples} samples are too few to promise anything; "
        "{kept.missing} more are needed",
        PromiseOutcome.NONE: "{name}: no threshold keeps the promise; everything is asked",
    }
    subsets = record.subsets if record else {}
    return [lines[kept.outcome].format(name=name, kept=kept) for name, kept in subsets.items()]


def _fitted_lines(fitted: "Recalibration | None", refuses: bool) -> list[str]:
    if fitted is None:
        return []
    lines = [f"{name}: temperature {scaling.temperature:.4f}" for name, scaling in fitted.scalings.items()]
    return [*lines, *([f"the refusal's logit is lowered by {fitted.lowered:.4f}"] if refuses else [])]


def _command(before: sidecar.Sidecar, args: argparse.Namespace, thresholds: bool) -> str:
    """Return the command that makes the version again, with DATA in place of a folder of this machine."""
    words = f"python -m mmdemo calibrate --task {before.task}"
    words += f" --manifest DATA/{args.manifest.name}" if args.manifest else ""
    words += f" --aside {args.aside:g}" if args.aside is not None else ""
    if thresholds:
        return f"{before.command} && {words} --thresholds"
    return f"{before.command} && {words}" + (f" --refused {args.refused:g}" if before.none_of_these else "")


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share from 0 up to 1")
    return value


COMMANDS = {
    "calibrate": Command(
        calibrate,
        [
            TASK,
            VERSION,
            (
                "--manifest",
                {
                    "type": Path,
                    "help": "labelled samples that trained nothing; none are at hand where --thresholds stands alone",
                },
            ),
            (
                "--aside",
                {"type": _share, "help": "of the manifest only what a training with this hold_out sets aside"},
            ),
            ("--out", {"type": Path, "required": True, "help": "new version folder"}),
            ("--name", {"help": "name of the new version (default: that of the old one)"}),
            (
                "--refused",
                {
                    "type": _share,
                    "default": MOST_REFUSED,
                    "help": "share of the samples with a label that may be answered as none of these "
                    "(default: %(default)s)",
                },
            ),
            (
                "--thresholds",
                {
                    "action": "store_true",
                    "help": "test the task's promise alone, on all of the samples; the rest stays as it is",
                },
            ),
        ],
    )
}
