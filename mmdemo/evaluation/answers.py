"""What one version answers to labelled samples, whole and with each subset of their modalities.

What is asked is what is served: one sample at a time, through `Predictor`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

from mmdemo.decode import decode
from mmdemo.errors import BadInput, ManifestError
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Task
from mmdemo.values import samples
from mmdemo.values.samples import Inputs, Prediction
from mmdemo.versions import sidecar
from mmdemo.versions.temperature_scaling import TemperatureScaling

PROGRESS_EVERY = 200  # samples


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


def ask(predictor: Predictor, rows: Sequence[LabelledRow], progress: Callable[[str], None] = lambda _: None) -> Answers:
    """Return the answers to `rows`. Raises ManifestError where not one of them can be judged."""
    whole: list[PredictedRow] = []
    parts: dict[str, list[PredictedRow]] = {}
    for number, row in enumerate(rows, 1):
        answers = _answered(predictor, row)
        for answered in answers:
            parts.setdefault(sidecar.subset(answered.prediction.modalities), []).append(answered)
        whole += answers[-1:]
        if number % PROGRESS_EVERY == 0:
            progress(f"{number} of {len(rows)} samples judged")
    if not whole:
        raise ManifestError("nothing_to_evaluate", count=len(rows))
    return Answers(
        task=predictor.task,
        version=whole[0].prediction.model_version,
        scalings=predictor.about.scalings,
        refused=len(rows) - len(whole),
        whole=tuple(whole),
        parts={subset: tuple(parts[subset]) for subset in sorted(parts, key=lambda name: (-name.count("+"), name))},
    )


def ask_whole(predictor: Predictor, rows: Sequence[LabelledRow]) -> tuple[PredictedRow, ...]:
    """Return the answers to samples with all that each has; one that cannot be judged has none."""
    outcomes = zip(rows, predictor.predict_many(row.sample for row in rows), strict=True)
    return tuple(PredictedRow(row, outcome) for row, outcome in outcomes if isinstance(outcome, Prediction))


def _answered(predictor: Predictor, row: LabelledRow) -> list[PredictedRow]:
    """Return the answers to each subset of the sample's modalities, all of them last; none where it can't be judged."""
    try:
        inputs = decode(row.sample, predictor.task)
        return [PredictedRow(row, predictor.predict_inputs(part)) for part in _parts(inputs)]
    except BadInput:
        return []


def _parts(inputs: Inputs) -> Iterator[Inputs]:
    for size in range(1, len(inputs.modalities) + 1):
        for chosen in combinations(inputs.modalities, size):
            yield inputs.only(chosen)
