"""The figures of one version on labelled samples, and what it differs by from another; what a kind brings, in KINDS."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from mmdemo.answers import CLASSIFICATION
from mmdemo.behaviour import Instance
from mmdemo.evaluation import classification, metrics, slices
from mmdemo.evaluation.answers import Answers, LabelledRow, PredictedRow, ask
from mmdemo.evaluation.slices import SEED, Judged, Own
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Task
from mmdemo.values.results import Compared, Difference, EvaluationResult, GivenFigures, KindFigures, SliceMetrics
from mmdemo.values.samples import Prediction

FEW_VALUES = 12  # a field of `extra` with more is an id or free text
FEWEST_EACH = 5  # samples that a value of such a field has on average
CURVE_POINTS = 100  # of the risk–coverage curve


@dataclass(frozen=True)
class EvaluatedKind:
    """What a kind of answer brings beside what all have: share of right answers, calibration, doubt, intervals."""

    judge: Callable[[Task, Sequence[PredictedRow]], Any] = slices.judged  # answers as arrays: a Judged
    own: Own = slices.mean_loss  # its own figures; the first stands where there is room for one
    # Name of an own figure → 1 for a share of which more is better, -1 for a loss.
    better: Mapping[str, int] = field(default_factory=lambda: {"loss": -1})
    details: Callable[[Task, Any], KindFigures | None] = lambda *_: None  # what is judged → what it alone has
    uncalibrated: Callable[[Answers], Judged] | None = None  # the answers before calibration, where that is known
    share: Callable[[Prediction, str], float] | None = None  # the probability that an answer gave to a value
    rises: Callable[[Instance, Prediction, Prediction], bool] | None = None  # whether a test with `rises` holds
    report: str = "report.html"  # template of the page; others extend it


def evaluate(
    predictor: Predictor, rows: Sequence[LabelledRow], progress: Callable[[str], None] = lambda _: None
) -> EvaluationResult:
    """Return the figures of the version that `predictor` serves on `rows`.

    Raises ManifestError where not one of them can be judged.
    """
    return figures(ask(predictor, rows, progress))


def figures(answers: Answers) -> EvaluationResult:
    """Return all figures of one version's answers."""
    task, kind = answers.task, KINDS[answers.task.kind]
    outcomes = kind.judge(task, answers.whole)
    return EvaluationResult(
        **vars(slices.slice_of(outcomes, kind.own)),
        task=task.name,
        model_version=answers.version,
        refused=answers.refused,
        details=kind.details(task, outcomes),
        by_group=_by(task, answers.whole, lambda answered: answered.row.group),
        by_extra={name: _by(task, answers.whole, _known(name)) for name in _telling_fields(answers.whole)},
        by_modalities={subset: _subset_figures(task, members) for subset, members in answers.parts.items()},
        fusion=_fusion(answers),
        reliability=slices.reliability(outcomes),
        raw=slices.reliability(kind.uncalibrated(answers)) if kind.uncalibrated else None,
        coverage=_curve(outcomes),
    )


def part(task: Task, answers: Sequence[PredictedRow]) -> SliceMetrics:
    """Return the figures of some answers of one version."""
    kind = KINDS[task.kind]
    return slices.slice_of(kind.judge(task, answers), kind.own)


def compare(ours: Answers, theirs: Answers) -> Compared:
    """Return what one version's figures differ by from another's, on the samples that both judged."""
    return _compare(ours.task, ours.whole, theirs.whole, theirs.version)


def _compare(task: Task, ours: Sequence[PredictedRow], theirs: Sequence[PredictedRow], against: str) -> Compared:
    """Return our figures minus theirs on the samples that both judged; each draw takes the same ones of both."""
    kind = KINDS[task.kind]
    by_id = {answered.row.id: answered for answered in theirs}
    ours = [answered for answered in ours if answered.row.id in by_id]
    pair = kind.judge(task, ours), kind.judge(task, [by_id[answered.row.id] for answered in ours])
    n = len(ours)
    figure = _differences(*pair, metrics.once(n), kind)
    drawn = _differences(*pair, metrics.resamples(n, np.random.default_rng(SEED)), kind)
    differences = {name: Difference(float(figure[name][0]), metrics.interval(drawn[name])) for name in figure}
    return Compared(against, n, differences)


def _differences(ours: Judged, theirs: Judged, weights: np.ndarray, kind: EvaluatedKind) -> dict[str, np.ndarray]:
    mine, other = slices.values(ours, weights, kind.own), slices.values(theirs, weights, kind.own)
    return {name: mine[name] - other[name] for name in ("accuracy", next(iter(kind.better)), "aurc")}


def _fusion(answers: Answers) -> dict[str, Compared]:
    """Return what each set of several modalities differs by from the best of them alone, by AURC."""
    fusion = {}
    for modalities, fused in _by_modalities(answers.whole).items():
        singles = [_compare(answers.task, fused, answers.parts[one], one) for one in modalities]
        if len(modalities) > 1:
            fusion["+".join(modalities)] = max(singles, key=lambda compared: compared.differences["aurc"].value)
    return fusion


def _by_modalities(answers: Sequence[PredictedRow]) -> dict[tuple[str, ...], list[PredictedRow]]:
    def modalities(answered: PredictedRow) -> tuple[str, ...]:
        return answered.prediction.modalities

    return {key: list(members) for key, members in groupby(sorted(answers, key=modalities), modalities)}


def _telling_fields(answers: Sequence[PredictedRow]) -> list[str]:
    """Return the fields of `extra` whose values are few enough to have figures each."""
    by_field: dict[str, list[str]] = {}
    for answered in answers:
        for name in answered.row.extra:
            by_field.setdefault(name, []).append(_known(name)(answered))
    limits = {name: min(FEW_VALUES, len(values) // FEWEST_EACH) for name, values in by_field.items()}
    return [name for name, values in by_field.items() if 2 <= len(set(values)) <= limits[name]]


def _known(field: str) -> Callable[[PredictedRow], str]:
    def value(answered: PredictedRow) -> str:
        known = answered.row.extra.get(field)
        return "" if known is None else str(known)

    return value


def _by(
    task: Task, answers: Sequence[PredictedRow], key: Callable[[PredictedRow], Hashable]
) -> dict[str, SliceMetrics]:
    """Return the figures of the answers by key, in its order; answers whose key is empty are in none."""
    members: dict[str, list[PredictedRow]] = {}
    for answered in answers:
        members.setdefault(str(key(answered)), []).append(answered)
    return {name: part(task, members[name]) for name in sorted(members) if name}


def _subset_figures(task: Task, answers: Sequence[PredictedRow]) -> GivenFigures:
    return GivenFigures(**vars(part(task, answers)), by_group=_by(task, answers, lambda answered: answered.row.group))


def _curve(outcomes: Judged) -> tuple[tuple[float, float], ...]:
    coverage, risk = metrics.risk_coverage(outcomes.confidence, outcomes.right)
    kept = np.unique(np.linspace(0, len(coverage) - 1, CURVE_POINTS).round().astype(int))
    return tuple((float(coverage[i]), float(risk[i])) for i in kept)


KINDS: dict[str, EvaluatedKind] = {
    CLASSIFICATION: EvaluatedKind(
        judge=classification.judged,
        own=classification.own,
        better={"macro_f1": 1, "macro_precision": 1, "macro_recall": 1},
        details=classification.details,
        uncalibrated=classification.uncalibrated,
        share=classification.share,
        rises=classification.rises,
        report="report_labels.html",
    ),
}
