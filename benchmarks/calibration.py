"""What each way to scale logits makes of the confidence: fitted on the samples set aside, judged on dev.

python -m benchmarks.calibration TASK TRAIN.jsonl DEV.jsonl [--version DIR] >> benchmarks/calibration.md
"""

import argparse
from pathlib import Path

import numpy as np
from scipy.special import log_softmax, softmax

from mmdemo import tasks
from mmdemo.evaluation import metrics
from mmdemo.model import MultimodalModel
from mmdemo.training import manifests
from mmdemo.training.calibration import fit_scaling
from mmdemo.training.data.datasets import decode_rows
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.manifests import splits
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED
from mmdemo.versions.temperature_scaling import UNSCALED, TemperatureScaling

Said = tuple[np.ndarray, np.ndarray]  # logits (n, labels), labels (n,)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("train", type=Path, help="the manifest that the version was trained on")
    parser.add_argument("dev", type=Path)
    parser.add_argument("--version", type=Path, help="its folder (default: the shipped one)")
    args = parser.parse_args()
    task = tasks.get(args.task)
    folder = args.version or SHIPPED / task.name
    loaded = MultimodalModel.load(folder)
    about = sidecar.read(folder)
    _, aside = splits.calibration_split(manifests.read(args.train, task), about.options["hold_out"], task.split_by)
    said = []
    for rows in (aside, manifests.read(args.dev, task)):
        items = decode_rows(rows, task, loaded.processor)
        said.append((logits(loaded, items), targets_of(items)))
    print("\n".join([f"## {about.version}, {task.name}", "", *table(*said), ""]))


def table(aside: Said, dev: Said) -> list[str]:
    """Return the lines of a table: each scaling, fitted on the first and judged on the second."""
    ways = {
        "none": UNSCALED,
        "a temperature": fit_scaling(*aside, powers=False),
        "a temperature and a power": fit_scaling(*aside),
    }
    return [
        f"Fitted on {len(aside[1])} samples, judged on {len(dev[1])}.",
        "",
        "| scaling | temperature | power | ECE | its floor | surprise, nats |",
        "|---|---|---|---|---|---|",
        *[_line(name, scaling, *dev) for name, scaling in ways.items()],
    ]


def _line(name: str, scaling: TemperatureScaling, raw: np.ndarray, right: np.ndarray) -> str:
    scaled = scaling(raw)
    probabilities = softmax(scaled, axis=1)
    confidence = probabilities.max(axis=1)
    ece = metrics.ece(confidence, probabilities.argmax(axis=1) == right, metrics.once(len(right)))[0]
    floor = metrics.ece_floor(confidence, np.random.default_rng(0))
    surprise = -log_softmax(scaled, axis=1)[np.arange(len(right)), right].mean()
    return f"| {name} | {scaling.temperature:g} | {scaling.power:g} | {ece:.3f} | {floor:.3f} | {surprise:.3f} |"


if __name__ == "__main__":
    main()
