"""Cross-validation: how good a model trained this way is on speakers whom it never heard, each in turn.

What the folds' models say about the samples that they did not learn from also calibrates a model that learns from all
of them: where speakers are few, none has to be spared for that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmdemo.checks.out_of_distribution import distance
from mmdemo.model import Loaded
from mmdemo.training.calibration.reference_stats import FEWEST, fit, limit
from mmdemo.training.data import Data, Decoded
from mmdemo.training.data.datasets import Item, only
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.fitting.processes import say
from mmdemo.training.jobs import TrainingJob, train_model
from mmdemo.training.manifests import splits
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.training.version_folder import pooled
from mmdemo.values.samples import subsets
from mmdemo.versions import sidecar
from mmdemo.versions.temperature_scaling import TemperatureScaling

USUAL = 1000  # samples that stand for all that a fold learned from, where it is only asked how far others are from them


@dataclass(frozen=True)
class Folds:
    """What the folds' models showed on the samples that each of them did not learn from."""

    figures: list[dict[str, float]]  # a fold each
    scalings: dict[str, TemperatureScaling]  # by subset of the modalities, fitted on all folds together
    limits: dict[str, float]  # by modality, of the distances in all folds; none where they are too few

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Folds:
        """Return what `dataclasses.asdict` made of it."""
        return cls(
            **{**raw, "scalings": {subset: TemperatureScaling(**item) for subset, item in raw["scalings"].items()}}
        )

    def summary(self) -> dict[str, float]:
        """Return mean and spread (standard deviation between folds) of every figure."""
        every = {name: [fold[name] for fold in self.figures] for name in self.figures[0]}
        means = {f"folds_{name}": round(float(np.mean(values)), 4) for name, values in every.items()}
        return means | {
            f"folds_{name}_spread": round(float(np.std(values, ddof=1)), 4) for name, values in every.items()
        }


def cross_validate(job: TrainingJob, samples: Decoded, number: int) -> Folds:
    """Train `number` models, each without one part of the samples, and look at what they say about it. None is kept.

    Teachers may have learned from what is left out here, so none is asked. Raises ManifestError.
    """
    job = job.alone()
    objective, split_by = OBJECTIVES[job.task.kind], job.task.split_by
    parts = splits.folds(samples.rows, number, split_by, job.options.seed, objective.stratum)
    measured: list[dict[str, float]] = []
    answers: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}  # outputs and targets, by subset of the modalities
    far: dict[str, list[np.ndarray]] = {}  # by modality, how far each fold's unseen samples are from the others
    for index, unseen_rows in enumerate(parts):
        others = [row for part in parts if part is not unseen_rows for row in part]
        train_rows, calibration_rows = splits.calibration_split(others, job.spared(number), split_by)
        data, unseen = Data(samples.of(train_rows), samples.of(calibration_rows)), samples.of(unseen_rows)
        loaded = job.fresh(train_rows)
        train_model(job, loaded, data)
        measured.append(objective.figures(job.task, logits(loaded, unseen), targets_of(unseen)))
        say(
            f"fold {index + 1} of {number}: " + ", ".join(f"{name} {value:.4f}" for name, value in measured[-1].items())
        )
        for subset, answer in _answers(loaded, unseen).items():
            answers.setdefault(subset, []).append(answer)
        for name, distances in _distances(loaded, data.train, unseen).items():
            far.setdefault(name, []).append(distances)
    scalings = {
        subset: objective.fit_scaling(*(np.concatenate(values) for values in zip(*each, strict=True)))
        for subset, each in answers.items()
    }
    every = {name: np.concatenate(parts) for name, parts in far.items()}
    limits = {name: limit(distances) for name, distances in every.items() if len(distances) >= FEWEST}
    return Folds(measured, scalings, limits)


def _answers(loaded: Loaded, items: Sequence[Item]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return outputs (n, k) and targets (n,) by subset of the modalities."""
    having = {chosen: only(items, chosen) for chosen in subsets(loaded.model.config.modalities)}
    return {sidecar.subset(chosen): (logits(loaded, part), targets_of(part)) for chosen, part in having.items() if part}


def _distances(loaded: Loaded, train: Sequence[Item], unseen: Sequence[Item]) -> dict[str, np.ndarray]:
    usual = train[:: math.ceil(len(train) / USUAL)]
    learned, new = pooled(loaded, usual), pooled(loaded, unseen)
    return {name: distance(fit(learned[name]), values) for name, values in new.items() if name in learned}
