"""predict: one sample, or many of a manifest."""

import argparse
from pathlib import Path

from mmdemo import decode, tasks
from mmdemo.answers import KINDS
from mmdemo.commands.command import RUNTIME, TASK, VERSION, Command, CommandResult, predictor_of
from mmdemo.commands.many import predict_many
from mmdemo.errors import ManifestError
from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Prediction, Sample, to_json

BAR_WIDTH = 30  # characters of a probability of 1
_MANY = "many samples: JSON lines with id, image, audio, text"


def predict(args: argparse.Namespace, config: Settings) -> CommandResult:
    """Judge one sample, or with --manifest and --out many."""
    task = tasks.get(args.task, config.task_dir)
    if (args.manifest is None) != (args.out is None) or (args.shard and args.manifest is None):
        raise ManifestError("manifest_and_out")
    if args.manifest is not None:
        return predict_many(args, config, task)
    inputs = decode.decode(Sample(image=args.image, text=args.text, audio=args.audio), task)
    prediction = predictor_of(task, args.version, config, args.runtime).predict_inputs(inputs, args.explain)
    return CommandResult(to_json(prediction), prediction_lines(prediction, task))


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
            ("--out", {"type": Path, "help": "answers to --manifest, JSON lines; a run that was ended goes on there"}),
            ("--shard", {"metavar": "K/N", "help": "part K of N of the manifest; the parts' files join to the whole"}),
            RUNTIME,
            VERSION,
        ],
    ),
}
