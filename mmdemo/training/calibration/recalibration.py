"""Fit anew what stands between a trained model and its answers: temperatures, and how readily it refuses."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file

from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel
from mmdemo.model.packing import FILE
from mmdemo.tasks import Task
from mmdemo.training.calibration import FEWEST, fit_refusal
from mmdemo.training.data.datasets import decode_rows, only
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.manifests import Row
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.values.samples import subsets
from mmdemo.versions import sidecar
from mmdemo.versions.temperature_scaling import TemperatureScaling

BIAS = "head.out.bias"  # (labels,) of the weights' file; that of the refusal stands last


@dataclass(frozen=True)
class Recalibration:
    """What was fitted."""

    scalings: dict[str, TemperatureScaling]  # by subset of the modalities
    lowered: float  # taken from the refusal's logit, in nats; 0 for a model that can't refuse


def fit(folder: Path, task: Task, rows: Sequence[Row], most_refused: float) -> Recalibration:
    """Return what fits a version to samples, of which none may have trained it.

    At most the share `most_refused` of those with a label is then answered as none of these. Raises ManifestError,
    CheckpointError.
    """
    loaded = MultimodalModel.load(folder)
    items = decode_rows(rows, task, loaded.processor)
    if len(items) < FEWEST:
        raise ManifestError("too_few_to_calibrate", count=len(items), needed=FEWEST)
    refuses = sidecar.read(folder).none_of_these
    whole = logits(loaded, items)
    lowered = fit_refusal(whole, targets_of(items), most_refused) if refuses else 0.0
    scalings = {}
    for chosen in subsets(loaded.model.config.modalities):
        part = only(items, chosen)
        scores = logits(loaded, part)
        if refuses:
            scores[:, -1] -= lowered
        scalings[sidecar.subset(chosen)] = OBJECTIVES[task.kind].fit_scaling(scores, targets_of(part))
    return Recalibration(scalings, lowered)


def apply(folder: Path, fitted: Recalibration) -> None:
    """Write what was fitted into a version's folder."""
    if fitted.lowered:
        packed = load_file(folder / FILE)
        packed[BIAS][-1] -= fitted.lowered
        save_file(packed, folder / FILE, {"format": "pt"})
    about = sidecar.read(folder)
    temperatures = {name: scaling.temperature for name, scaling in fitted.scalings.items()}
    powers = {name: scaling.power for name, scaling in fitted.scalings.items() if scaling.power}
    sidecar.write(folder, dataclasses.replace(about, temperatures=temperatures, powers=powers, runtimes={}))
