"""calibrate: how sure a version is, and how readily it refuses, by samples that trained nothing."""

import argparse
import dataclasses
import shutil
from pathlib import Path

from mmdemo import tasks
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, version_folder
from mmdemo.errors import ManifestError
from mmdemo.settings import Settings
from mmdemo.versions import sidecar

MOST_REFUSED = 0.01


def calibrate(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Copy a version, with temperatures and a readiness to refuse that are fitted to samples which trained nothing."""
    from mmdemo.training.calibration import recalibration

    task = tasks.get(args.task, config.task_dir)
    folder = version_folder(task, args.version, config)
    if args.out.exists():
        raise ManifestError("out_taken", path=args.out)
    before = sidecar.read(folder)
    sidecar.check(before, task, folder)
    fitted = recalibration.fit(folder, task, args.manifest, args.refused)
    shutil.copytree(folder, args.out)
    recalibration.apply(args.out, fitted)
    command = f"{before.command} && python -m mmdemo calibrate --task {task.name} --manifest DATA/{args.manifest.name}"
    changed = dataclasses.replace(
        sidecar.read(args.out),
        version=args.name or before.version,
        command=f"{command} --refused {args.refused:g}" if before.none_of_these else command,
    )
    sidecar.write(args.out, changed)
    lines = [f"{name}: temperature {scaling.temperature:.4f}" for name, scaling in fitted.scalings.items()]
    refusal = [f"the refusal's logit is lowered by {fitted.lowered:.4f}"] if before.none_of_these else []
    return CommandResult({"path": str(args.out), **dataclasses.asdict(fitted)}, [str(args.out), *lines, *refusal])


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
            ("--manifest", {"type": Path, "required": True, "help": "labelled samples that trained nothing"}),
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
        ],
    )
}
