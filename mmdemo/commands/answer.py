"""predict: one sample, or many of a manifest."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdemo import decode, tasks
from mmdemo.answers import KINDS
from mmdemo.commands.command import TASK, VERSION, Command, CommandResult, predictor_of
from mmdemo.errors import BadInput, ManifestError, StorageError
from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Prediction, Sample, to_json

if TYPE_CHECKING:
    from mmdemo.prediction.predictor import Predictor

BAR_WIDTH = 30  # characters of a probability of 1
_MANY = "many samples: JSON lines with id, image, audio, text"


def predict(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Judge one sample, or with --manifest and --out many."""
    task = tasks.get(args.task, config.task_dir)
    if (args.manifest is None) != (args.out is None):
        raise ManifestError("manifest_and_out")
    if args.manifest is not None:
        return _predict_many(args, config, task)
    inputs = decode.decode(Sample(image=args.image, text=args.text, audio=args.audio), task)
    prediction = predictor_of(task, args.version, config).predict_inputs(inputs, args.explain)
    return CommandResult(to_json(prediction), prediction_lines(prediction, task))


def _predict_many(args: argparse.Namespace, config: Settings, task: Task) -> CommandResult:
    from mmdemo.training import manifests  # its package brings torch

    lines = manifests.read_lines(args.manifest, task)
    predictor = predictor_of(task, args.version, config)
    counts = {"answered": 0, "errors": 0}
    try:
        with args.out.open("w", encoding="utf-8") as file:
            for line in lines:
                answer = _answer(predictor, line)
                counts["errors" if "error" in answer else "answered"] += 1
                file.write(json.dumps(answer, ensure_ascii=False) + "\n")
    except OSError as error:
        raise StorageError("out_not_writable", path=args.out, detail=error.strerror) from error
    return CommandResult(
        {**counts, "out": str(args.out)}, [f"{counts['answered']} answered, {counts['errors']} not: {args.out}"]
    )


def _answer(predictor: "Predictor", line: Any) -> dict[str, Any]:
    if line.row is None:
        return {"id": f"line {line.number}", "error": line.fault}
    try:
        prediction = predictor.predict(line.row.sample)
    except BadInput as error:
        return {"id": line.row.id, "error": str(error)}
    kept = ("confidence", "flagged", "reason", "capped", "modalities", "model_version")
    fields = to_json(prediction)
    return {
        "id": line.row.id,
        **KINDS[prediction.kind].to_json(prediction.answer),
        **{name: fields[name] for name in kept},
    }


def prediction_lines(prediction: Prediction, task: Task) -> list[str]:
    """Return an answer as a person reads it in a terminal."""
    # Of a guess they measure nothing.
    shares = {} if prediction.capped else KINDS[prediction.kind].probabilities(prediction.answer)
    bars = [
        f"  {task.display(label):<12} {share:6.1%}  {'█' * round(share * BAR_WIDTH)}" for label, share in shares.items()
    ]
    doubt = f", flagged: {prediction.reason}" if prediction.flagged else ""
    about = f"{prediction.model_version}, {'+'.join(prediction.modalities)}, {prediction.latency_ms:.0f} ms{doubt}"
    notes = [text(f"note.{key}") for key in prediction.notes]
    how_sure = text("common.only_a_guess") if prediction.capped else f"{prediction.confidence:.1%}"
    return [f"{task.display(prediction.label)} ({how_sure})", *bars, about, *notes]


COMMANDS = {
    "predict": Command(
        predict,
        [
            TASK,
            ("--image", {"type": Path, "help": "a picture"}),
            ("--text", {"default": "", "help": "a caption"}),
            ("--audio", {"type": Path, "help": "sound, or a video with sound"}),
            ("--explain", {"default": "none", "metavar": "METHOD", "help": "default, none, or a method's name"}),
            ("--manifest", {"type": Path, "help": _MANY}),
            ("--out", {"type": Path, "help": "answers to --manifest, JSON lines"}),
            VERSION,
        ],
    ),
}
