"""The command line: python -m mmdemo COMMAND. `--json` prints one JSON value on standard output, nothing else."""

import argparse
import dataclasses
import json
import logging
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdemo import settings as all_settings
from mmdemo import sidecar, tasks
from mmdemo.errors import BadInput, ManifestError, MmdemoError, StorageError
from mmdemo.figures import Figures
from mmdemo.samples import Prediction, Sample, to_json
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.versions import Versions

if TYPE_CHECKING:
    from mmdemo.predictor import Predictor

BAR_WIDTH = 30  # characters of a probability of 1
MASK = "••••"  # stands where a secret is set


@dataclass(frozen=True)
class Said:
    """What a command answers: as JSON, and as lines for a person."""

    value: Any
    lines: Sequence[str]


def predict(given: argparse.Namespace, config: Settings) -> Said:
    """Judge one sample, or with --manifest and --out many."""
    task = tasks.get(given.task, config.task_dir)
    if (given.manifest is None) != (given.out is None):
        raise ManifestError("manifest_and_out")
    if given.manifest is not None:
        return _predict_many(given, config, task)
    predictor = _predictor(task, given.version, config)
    sample = Sample(image=given.image, text=given.text, audio=given.audio)
    prediction = predictor.predict(sample, given.explain)
    return Said(to_json(prediction), _prediction_lines(prediction, task))


def _predict_many(given: argparse.Namespace, config: Settings, task: Task) -> Said:
    from mmdemo.training import manifests  # its package brings torch

    lines = manifests.read_lines(given.manifest, task)
    predictor = _predictor(task, given.version, config)
    counts = {"answered": 0, "errors": 0}
    try:
        with given.out.open("w", encoding="utf-8") as file:
            for line in lines:
                answer = _answer(predictor, line)
                counts["errors" if "error" in answer else "answered"] += 1
                file.write(json.dumps(answer, ensure_ascii=False) + "\n")
    except OSError as error:
        raise StorageError("out_not_writable", path=given.out, detail=error.strerror) from error
    return Said(
        {**counts, "out": str(given.out)}, [f"{counts['answered']} answered, {counts['errors']} not: {given.out}"]
    )


def _answer(predictor: "Predictor", line: Any) -> dict[str, Any]:
    if line.row is None:
        return {"id": f"line {line.number}", "error": line.fault}
    try:
        found = predictor.predict(line.row.sample)
    except BadInput as error:
        return {"id": line.row.id, "error": str(error)}
    kept = ("label", "probabilities", "confidence", "flagged", "reason", "modalities", "model_version")
    return {"id": line.row.id, **{name: to_json(getattr(found, name)) for name in kept}}


def _prediction_lines(found: Prediction, task: Task) -> list[str]:
    bars = [
        f"  {task.display(label):<12} {share:6.1%}  {'█' * round(share * BAR_WIDTH)}"
        for label, share in found.probabilities.items()
    ]
    doubt = f", flagged: {found.reason}" if found.flagged else ""
    about = f"{found.model_version}, {'+'.join(found.modalities)}, {found.latency_ms:.0f} ms{doubt}"
    return [f"{task.display(found.label)} ({found.confidence:.1%})", *bars, about]


def train(given: argparse.Namespace, config: Settings) -> Said:
    """Train a version folder; the model card and version.json get the figures on dev."""
    from mmdemo.training import run

    task = tasks.get(given.task, config.task_dir)
    starts = _starts(given.start, task)
    parent = _version_folder(task, given.parent, config) if given.parent else None
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
        command=_command(given),
        **overrides,
    )
    found = _measure(task, out, given.dev, config)
    _describe(task, out, found)
    return Said({"version": found.model_version, "path": str(out), **to_json(found)}, [str(out), *_figure_lines(found)])


def _starts(given: Sequence[str], task: Task) -> dict[str, str]:
    pairs = [entry.partition("=") for entry in given]
    for name, equals, value in pairs:
        if name not in task.modalities or not equals or not value:
            raise ManifestError("start_wrong", value=f"{name}{equals}{value}", known=", ".join(task.modalities))
    return {name: value for name, _, value in pairs}


def _command(given: argparse.Namespace) -> str:
    """Return the command that trains this again, with DATA and WEIGHTS in place of folders of this machine."""
    words = ["python", "-m", "mmdemo", "train", "--task", given.task]
    words += ["--train", f"DATA/{Path(given.train).name}", "--dev", f"DATA/{Path(given.dev).name}"]
    for entry in given.start:
        modality, _, start = entry.partition("=")
        words += ["--start", f"{modality}=WEIGHTS/{Path(start).name}"]
    for option in ("epochs", "batch", "encoder_lr", "head_lr", "parent", "name"):
        value = getattr(given, option)
        words += [f"--{option.replace('_', '-')}", str(value)] if value is not None else []
    return shlex.join([*words, "--seed", str(given.seed), "--out", Path(given.out).name])


def evaluate(given: argparse.Namespace, config: Settings) -> Said:
    """Measure a version on labelled samples."""
    from mmdemo.evaluation import report

    task = tasks.get(given.task, config.task_dir)
    folder = _version_folder(task, given.version, config)
    found = _measure(task, folder, given.manifest, config)
    if given.report:
        report.write(given.report, found)
    if given.describe:
        _describe(task, folder, found)
    return Said(to_json(found), _figure_lines(found))


def _measure(task: Task, folder: Path, manifest: Path, config: Settings) -> Figures:
    from mmdemo.evaluation import evaluate
    from mmdemo.training import manifests

    rows = manifests.read(manifest, task)
    return evaluate(_predictor(task, str(folder), config), rows, _progress)


def _describe(task: Task, folder: Path, found: Figures) -> None:
    """Write the figures into version.json and model_card.md."""
    from mmdemo import card

    about = sidecar.read(folder)
    measured = {name: round(getattr(found, name), 4) for name in ("accuracy", "macro_f1", "ece")}
    sidecar.write(folder, dataclasses.replace(about, figures={**about.figures, **measured}))
    card.write(folder, task, found)


def _figure_lines(found: Figures) -> list[str]:
    head = f"{found.model_version}: {found.n} samples, accuracy {found.accuracy:.4f}, macro-F1 {found.macro_f1:.4f}"
    rest = f"ECE {found.ece:.4f} (floor {found.ece_floor:.4f}), flagged {found.flagged_share:.1%}, "
    parts = {**found.by_group, **found.by_modalities}
    return [
        head,
        f"{rest}wrong among the others {found.error_unflagged:.1%}",
        *[f"  {name:<14} n {p.n:<6} accuracy {p.accuracy:.4f}  macro-F1 {p.macro_f1:.4f}" for name, p in parts.items()],
    ]


def show_tasks(given: argparse.Namespace, config: Settings) -> Said:
    """List the tasks."""
    known = tasks.load_all(config.task_dir).values()
    value = [
        {
            "name": task.name,
            "title": task.display_title(),
            "kind": task.kind,
            "modalities": list(task.modalities),
            "labels": list(task.label_names),
            "languages": list(task.languages),
            "threshold": task.threshold,
        }
        for task in known
    ]
    lines = [f"{task.name:<16} {'+'.join(task.modalities):<11} {', '.join(task.label_names)}" for task in known]
    return Said(value, lines)


def show_versions(given: argparse.Namespace, config: Settings) -> Said:
    """List the versions of a task, or of all; the served one is marked."""
    known = [tasks.get(given.task, config.task_dir)] if given.task else list(tasks.load_all(config.task_dir).values())
    found = [(task.name, info) for task in known for info in Versions(config).list(task.name)]
    lines = [
        f"{'*' if info.served else ' '} {name:<16} {info.version:<20} {info.created_at}  "
        + ", ".join(f"{figure} {value:.4g}" for figure, value in info.figures.items())
        for name, info in found
    ]
    return Said([{"task": name, **to_json(info)} for name, info in found], lines or ["There are no versions yet."])


def show_settings(given: argparse.Namespace, config: Settings) -> Said:
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
    return Said(entries, [f"{e['name']:<24} {e['value']!s:<32} {e['unit']:<8} {e['meaning']}" for e in entries])


def _shown(value: Any, secret: bool) -> Any:
    if secret:
        return MASK if value else ""
    if isinstance(value, int):
        return value
    return re.sub(r"(://[^/:@]*:)[^/]*@", rf"\1{MASK}@", str(value or ""))  # the password in a URL


def _predictor(task: Task, version: str | None, config: Settings) -> "Predictor":
    from mmdemo.predictor import Predictor

    return Predictor(task, version, config)


def _version_folder(task: Task, version: str | None, config: Settings) -> Path:
    """Return the folder of a version that is named, or given as a folder; the champion's where neither is."""
    if version and Path(version).is_dir():
        return Path(version)
    versions = Versions(config)
    return versions.path(task.name, version or versions.champion(task.name))


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


Argument = tuple[str, dict[str, Any]]
_TASK: Argument = ("--task", {"required": True, "help": "name of a task, or path to its file"})
_VERSION: Argument = ("--version", {"help": "name of a version, or its folder (default: the served one)"})
_MANY = "many samples: JSON lines with id, image, audio, text"
_START = "MODALITY=FOLDER or MODALITY=NAME on the Hub: weights to start from (default: the task's)"

# Command → what runs it and what it is given; the docstring is its help.
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace, Settings], Said], Sequence[Argument]]] = {
    "predict": (
        predict,
        [
            _TASK,
            ("--image", {"type": Path, "help": "a picture"}),
            ("--text", {"default": "", "help": "a caption"}),
            ("--audio", {"type": Path, "help": "sound, or a video with sound"}),
            ("--explain", {"default": "none", "metavar": "METHOD", "help": "default, none, or a method's name"}),
            ("--manifest", {"type": Path, "help": _MANY}),
            ("--out", {"type": Path, "help": "answers to --manifest, JSON lines"}),
            _VERSION,
        ],
    ),
    "train": (
        train,
        [
            _TASK,
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
    "evaluate": (
        evaluate,
        [
            _TASK,
            ("--manifest", {"type": Path, "required": True, "help": "labelled samples"}),
            _VERSION,
            ("--report", {"type": Path, "metavar": "DIR", "help": "write a page and figures.json there"}),
            ("--describe", {"action": "store_true", "help": "write the figures into version.json and model card"}),
        ],
    ),
    "tasks": (show_tasks, []),
    "versions": (show_versions, [("--task", {"help": "name of a task (default: all)"})]),
    "settings": (show_settings, []),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong use or bad input, 75 try later."""
    given = _parser().parse_args(arguments)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it warns of every try; the error says it once
    try:
        said = COMMANDS[given.command][0](given, all_settings.load())
    except MmdemoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    print(json.dumps(said.value, ensure_ascii=False) if given.json else "\n".join(said.lines))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mmdemo", description="Predict and explain; train and measure.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, arguments) in COMMANDS.items():
        command = commands.add_parser(name, help=run.__doc__, description=run.__doc__, allow_abbrev=False)
        for flag, options in arguments:
            command.add_argument(flag, **options)
        command.add_argument("--json", action="store_true", help="print one JSON value")
    return parser


if __name__ == "__main__":
    sys.exit(main())
