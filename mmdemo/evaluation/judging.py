"""The figures of one version on labelled samples: overall, by class, by source, by what was given.

What is measured is what is served: calibrated probabilities, one sample at a time, through `Predictor`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np

from mmdemo import sidecar
from mmdemo.decode import decode
from mmdemo.errors import BadInput, ManifestError
from mmdemo.evaluation import metrics
from mmdemo.figures import ClassFigures, Figures, GivenFigures, Slice
from mmdemo.predictor import Predictor
from mmdemo.samples import Inputs, Prediction, Sample

PROGRESS_EVERY = 200  # samples
SEED = 0  # of the bootstrap and the floor: the same predictions give the same figures


class Labelled(Protocol):
    """A sample and what it is, such as a row of a manifest."""

    @property
    def id(self) -> str: ...
    @property
    def sample(self) -> Sample: ...
    @property
    def label(self) -> str: ...
    @property
    def group(self) -> str: ...


@dataclass(frozen=True)
class Answered:
    """One row and what the version says of it, or of a part of it."""

    row: Labelled
    prediction: Prediction


@dataclass(frozen=True)
class Judged:
    """Answers beside what is right, row by row."""

    probabilities: np.ndarray  # (n, classes) float64
    labels: np.ndarray  # (n,) int64
    flagged: np.ndarray  # (n,) bool
    groups: np.ndarray  # (n,) str

    def part(self, chosen: np.ndarray) -> Judged:
        """Return the rows where `chosen` (n,) is True."""
        return Judged(self.probabilities[chosen], self.labels[chosen], self.flagged[chosen], self.groups[chosen])


def evaluate(
    predictor: Predictor, rows: Sequence[Labelled], progress: Callable[[str], None] = lambda _: None
) -> Figures:
    """Return the figures of the version that `predictor` serves on `rows`.

    Raises ManifestError where not one of them can be judged.
    """
    answers: dict[str, list[Answered]] = {}  # what was given → answers
    as_given: list[Answered] = []
    for number, row in enumerate(rows, 1):
        found = _answered(predictor, row)
        for answered in found:
            answers.setdefault(sidecar.subset(answered.prediction.modalities), []).append(answered)
        as_given += found[-1:]
        if number % PROGRESS_EVERY == 0:
            progress(f"{number} of {len(rows)} samples judged")
    if not as_given:
        raise ManifestError("nothing_to_evaluate", count=len(rows))
    return KINDS[predictor.task.kind](predictor, len(rows) - len(as_given), as_given, answers)


def _classification(
    predictor: Predictor,
    refused: int,
    as_given: Sequence[Answered],
    answers: Mapping[str, Sequence[Answered]],
) -> Figures:
    names = predictor.task.label_names
    judged = _judged(as_given, names)
    parts = {given: _given(_judged(found, names)) for given, found in sorted(answers.items(), key=_wide_first)}
    counts = _counts(judged)
    whole, draw = _slice(judged), np.random.default_rng(SEED)
    unflagged = judged.part(~judged.flagged)
    return Figures(
        task=predictor.task.name,
        model_version=as_given[0].prediction.model_version,
        n=whole.n,
        refused=refused,
        accuracy=whole.accuracy,
        macro_f1=whole.macro_f1,
        ece=whole.ece,
        ece_floor=metrics.ece_floor(judged.probabilities, draw),
        flagged_share=float(judged.flagged.mean()),
        error_unflagged=1 - _slice(unflagged).accuracy if len(unflagged.labels) else 0.0,
        per_class=_per_class(counts, names),
        by_group=_by_group(judged),
        by_modalities=parts,
        intervals=_intervals(judged, draw),
        confusion=tuple(tuple(int(count) for count in row) for row in counts),
    )


def _answered(predictor: Predictor, row: Labelled) -> list[Answered]:
    """Return the answers to each subset of the sample's modalities, all of them last; none where it can't be judged."""
    try:
        inputs = decode(row.sample, predictor.task)
        return [Answered(row, predictor.predict_inputs(part)) for part in _parts(inputs)]
    except BadInput:
        return []


def _parts(inputs: Inputs) -> Iterator[Inputs]:
    for size in range(1, len(inputs.modalities) + 1):
        for chosen in combinations(inputs.modalities, size):
            yield Inputs(**{name: getattr(inputs, name) for name in chosen})


def _wide_first(item: tuple[str, object]) -> tuple[int, str]:
    return -item[0].count("+"), item[0]


def _judged(answers: Sequence[Answered], names: Sequence[str]) -> Judged:
    predictions = [answered.prediction for answered in answers]
    return Judged(
        probabilities=np.array([[found.probabilities[name] for name in names] for found in predictions]),
        labels=np.array([names.index(answered.row.label) for answered in answers]),
        flagged=np.array([found.flagged for found in predictions]),
        groups=np.array([answered.row.group for answered in answers]),
    )


def _counts(judged: Judged) -> np.ndarray:
    return metrics.confusion(judged.labels, judged.probabilities.argmax(axis=1), judged.probabilities.shape[1])


def _slice(judged: Judged) -> Slice:
    counts = _counts(judged)
    return Slice(
        n=len(judged.labels),
        accuracy=float(metrics.accuracy(counts)),
        macro_f1=float(metrics.macro_f1(counts)),
        ece=metrics.ece(judged.probabilities, judged.labels),
    )


def _by_group(judged: Judged) -> dict[str, Slice]:
    return {str(group): _slice(judged.part(judged.groups == group)) for group in np.unique(judged.groups) if group}


def _given(judged: Judged) -> GivenFigures:
    return GivenFigures(**vars(_slice(judged)), by_group=_by_group(judged))


def _per_class(counts: np.ndarray, names: Sequence[str]) -> dict[str, ClassFigures]:
    right, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
    scores = metrics.f1(counts)
    return {
        name: ClassFigures(
            n=int(true[i]),
            precision=float(right[i] / max(1, predicted[i])),
            recall=float(right[i] / max(1, true[i])),
            f1=float(scores[i]),
        )
        for i, name in enumerate(names)
    }


def _intervals(judged: Judged, draw: np.random.Generator) -> dict[str, tuple[float, float]]:
    predicted = judged.probabilities.argmax(axis=1)
    drawn = metrics.resamples(len(predicted), draw)  # (d, n)
    counts = metrics.confusion(judged.labels[drawn], predicted[drawn], judged.probabilities.shape[1])  # (d, k, k)
    return {
        "accuracy": metrics.interval(metrics.accuracy(counts)),
        "macro_f1": metrics.interval(metrics.macro_f1(counts)),
    }


# Kind of answer → its figures; another kind joins here with figures of its own.
KINDS: dict[str, Callable[..., Figures]] = {"classification": _classification}
