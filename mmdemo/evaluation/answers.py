"""What one version answers to labelled samples, whole and with each subset of their modalities.

What is asked is what is served: samples in batches, through `Predictor`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from mmdemo.errors import BadInput, ManifestError
from mmdemo.prediction.predictor import Predictor
from mmdemo.process.logs import ProgressBar
from mmdemo.tasks import Task
from mmdemo.values import samples
from mmdemo.values.samples import Prediction
from mmdemo.versions import sidecar
from mmdemo.versions.temperature_scaling import TemperatureScaling


class LabelledRow(samples.LabelledSample, Protocol):
    """A sample, what it is, where it is from, and what else is known."""

    @property
    def group(self) -> str: ...
    @property
    def extra(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class PredictedRow:
    """One row and what the version says of it, or of a part of it."""

    row: LabelledRow
    prediction: Prediction


@dataclass(frozen=True)
class Answers:
    """Everything that one version answered."""

    task: Task
    version: str
    scalings: Mapping[str, TemperatureScaling]  # subset of the modalities → what calibrated it
    refused: int  # samples that could not be judged; they are in no answer
    whole: tuple[PredictedRow, ...]  # with all that each sample has
    parts: Mapping[str, tuple[PredictedRow, ...]]  # subset of the modalities → answers, wide ones first
    features: tuple[Mapping[str, np.ndarray], ...] = ()  # of each of `whole`, as in `Features.by_sample`


def ask(predictor: Predictor, rows: Sequence[LabelledRow], progress: Callable[[str], None] = lambda _: None) -> Answers:
    """Return the answers to `rows`. Raises ManifestError where not one of them can be judged."""
    whole: list[PredictedRow] = []
    features: list[Mapping[str, np.ndarray]] = []
    parts: dict[str, list[PredictedRow]] = {}
    bar = ProgressBar(len(rows), "samples judged", progress)
    outcomes = predictor.predict_parts((row.sample for row in rows), bar.advance)
    for row, outcome in zip(rows, outcomes, strict=True):
        if isinstance(outcome, BadInput):
            continue
        for prediction in outcome.parts:
            parts.setdefault(sidecar.subset(prediction.modalities), []).append(PredictedRow(row, prediction))
        whole.append(PredictedRow(row, outcome.whole))
        features.append(outcome.features)
    if not whole:
        raise ManifestError("nothing_to_evaluate", count=len(rows))
    return Answers(
        task=predictor.task,
        version=whole[0].prediction.model_version,
        scalings=predictor.about.scalings,
        refused=len(rows) - len(whole),
        whole=tuple(whole),
        parts={subset: tuple(parts[subset]) for subset in sorted(parts, key=lambda name: (-name.count("+"), name))},
        features=tuple(features),
    )


def ask_whole(predictor: Predictor, rows: Sequence[LabelledRow]) -> tuple[PredictedRow, ...]:
    """Return the answers to samples with all that each has; one that cannot be judged has none."""
    outcomes = zip(rows, predictor.predict_many(row.sample for row in rows), strict=True)
    return tuple(PredictedRow(row, outcome) for row, outcome in outcomes if isinstance(outcome, Prediction))
