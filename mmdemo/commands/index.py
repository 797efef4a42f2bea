"""index: what `/alike` finds besides the examples."""

import argparse
from pathlib import Path
from typing import Any

from mmdemo import tasks
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, predictor_of, version_folder
from mmdemo.errors import BadInput, ManifestError
from mmdemo.process.logs import say
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import to_json
from mmdemo.versions import sidecar

_NAME = "what the page calls the manifest (default: its file's name without the ending)"


def index(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Index a manifest, so that the page and /alike find its samples; without one list what is indexed."""
    from mmdemo.retrieval import index as indexes

    task = tasks.get(args.task, config.task_dir)
    if args.remove is not None and args.manifest is not None:
        raise ManifestError("index_or_remove")
    if args.remove is not None:
        count = indexes.remove(config, task.name, args.remove)
        return CommandResult({"removed": args.remove, "indexes": count}, [f"{args.remove}: {count} index(es) removed"])
    if args.manifest is not None:
        return _index(args, config, task)
    rows = indexes.listed(config, task.name)
    lines = [f"{about.name:<20} {about.samples:>7} samples, {about.model_version}, {about.made_at}" for about in rows]
    return CommandResult(to_json(rows), lines or ["Nothing is indexed yet."])


def _index(args: argparse.Namespace, config: Settings, task: Task) -> CommandResult:
    from mmdemo.retrieval import index as indexes
    from mmdemo.retrieval.encoding import make
    from mmdemo.training import manifests

    name = indexes.check_name(args.name or args.manifest.stem)
    path = args.manifest.resolve()
    other = next((a for a in indexes.listed(config, task.name) if a.name == name and a.manifest != str(path)), None)
    if other:
        raise ManifestError("index_name_taken", name=name, manifest=other.manifest)
    lines = manifests.read_lines(args.manifest, task)
    if not lines:
        raise ManifestError("manifest_empty", path=args.manifest)
    # Named, so that it stays the same one to the end.
    predictor = predictor_of(task, str(version_folder(task, args.version, config)), config)
    faults = [{"id": f"line {line.number}", "error": line.fault} for line in lines if line.row is None]

    def fault(id_: str, error: BadInput) -> None:
        faults.append({"id": id_, "error": str(error)})

    content = make(predictor, [line.row for line in lines if line.row is not None], name, fault, say)
    for each in faults:
        say(f"{each['id']}: {each['error']}")
    if not content.candidates:
        raise ManifestError("nothing_to_index", count=len(lines))
    about = indexes.About(task.name, name, predictor.model_version, len(content.candidates), str(path), sidecar.now())
    indexes.write(config, about, content.pool, content.pictures)
    value: dict[str, Any] = {**to_json(about), "errors": len(faults), "faults": faults}
    return CommandResult(value, [f"{name}: {about.samples} indexed, {len(faults)} not, by {about.model_version}"])


COMMANDS = {
    "index": Command(
        index,
        [
            TASK,
            ("--manifest", {"type": Path, "help": "samples: JSON lines with id, image, audio, text, label"}),
            ("--name", {"help": _NAME}),
            ("--remove", {"metavar": "NAME", "help": "take what was indexed under this name out again"}),
            VERSION,
        ],
    ),
}
