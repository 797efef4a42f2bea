"""The figures of a version that answers with one of several labels."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from itertools import groupby

import numpy as np

from mmdemo.evaluation import metrics, slices
from mmdemo.evaluation.answers import Answered, Answers
from mmdemo.evaluation.slices import SEED, Judged, judged, slice_of
from mmdemo.figures import ClassFigures, Compared, Difference, Figures, GivenFigures, Slice

FEW_VALUES = 12  # a field of `extra` with more is an id or free text
FEWEST_EACH = 5  # samples that a value of such a field has on average
CURVE_POINTS = 100  # of the risk–coverage curve
DIFFERENCES = ("accuracy", "macro_f1", "aurc")


def figures(answers: Answers) -> Figures:
    """Return all figures of one version."""
    names = answers.task.answers
    found = judged(answers.whole, names)
    return Figures(
        **vars(slice_of(found)),
        task=answers.task.name,
        model_version=answers.version,
        refused=answers.refused,
        per_class=_per_class(found, names),
        by_group=_by(answers.whole, names, lambda answered: answered.row.group),
        by_extra={field: _by(answers.whole, names, _known(field)) for field in _telling_fields(answers.whole)},
        by_modalities={given: _given(part, names) for given, part in answers.parts.items()},
        fusion=_fusion(answers),
        reliability=slices.reliability(found),
        raw=slices.reliability(slices.before_calibration(answers.whole, names, answers.scalings)),
        coverage=_curve(found),
        confusion=tuple(map(tuple, metrics.confusion(found.labels, found.predicted, len(names)).tolist())),
    )


def part(answers: Sequence[Answered], names: Sequence[str]) -> Slice:
    """Return the figures of some answers; `names` are the task's answers in its order."""
    return slice_of(judged(answers, names))


def compare(ours: Sequence[Answered], theirs: Sequence[Answered], names: Sequence[str], against: str) -> Compared:
    """Return our figures minus theirs on the samples that both judged; each draw takes the same ones of both."""
    by_id = {answered.row.id: answered for answered in theirs}
    ours = [answered for answered in ours if answered.row.id in by_id]
    pair = judged(ours, names), judged([by_id[answered.row.id] for answered in ours], names)
    n = len(ours)
    figure = _differences(*pair, metrics.once(n))
    drawn = _differences(*pair, metrics.resamples(n, np.random.default_rng(SEED)))
    found = {name: Difference(float(figure[name][0]), metrics.interval(drawn[name])) for name in DIFFERENCES}
    return Compared(against, n, found)


def _differences(ours: Judged, theirs: Judged, weights: np.ndarray) -> dict[str, np.ndarray]:
    mine, other = slices.values(ours, weights), slices.values(theirs, weights)
    return {name: mine[name] - other[name] for name in DIFFERENCES}


def _fusion(answers: Answers) -> dict[str, Compared]:
    """Return what each set of several modalities differs by from the best of them alone, by AURC."""
    found = {}
    for given, fused in _by_given(answers.whole).items():
        singles = [compare(fused, answers.parts[one], answers.task.answers, one) for one in given]
        if len(given) > 1:
            found["+".join(given)] = max(singles, key=lambda compared: compared.differences["aurc"].value)
    return found


def _by_given(answers: Sequence[Answered]) -> dict[tuple[str, ...], list[Answered]]:
    def given(answered: Answered) -> tuple[str, ...]:
        return answered.prediction.modalities

    return {key: list(members) for key, members in groupby(sorted(answers, key=given), given)}


def _telling_fields(answers: Sequence[Answered]) -> list[str]:
    """Return the fields of `extra` whose values are few enough to have figures each."""
    seen: dict[str, list[str]] = {}
    for answered in answers:
        for field in answered.row.extra:
            seen.setdefault(field, []).append(_known(field)(answered))
    limits = {field: min(FEW_VALUES, len(told) // FEWEST_EACH) for field, told in seen.items()}
    return [field for field, told in seen.items() if 2 <= len(set(told)) <= limits[field]]


def _known(field: str) -> Callable[[Answered], str]:
    def value(answered: Answered) -> str:
        known = answered.row.extra.get(field)
        return "" if known is None else str(known)

    return value


def _by(answers: Sequence[Answered], names: Sequence[str], key: Callable[[Answered], Hashable]) -> dict[str, Slice]:
    """Return the figures of the answers by key, in its order; answers whose key is empty are in none."""
    members: dict[str, list[Answered]] = {}
    for answered in answers:
        members.setdefault(str(key(answered)), []).append(answered)
    return {name: part(members[name], names) for name in sorted(members) if name}


def _given(answers: Sequence[Answered], names: Sequence[str]) -> GivenFigures:
    return GivenFigures(**vars(part(answers, names)), by_group=_by(answers, names, lambda answered: answered.row.group))


def _per_class(found: Judged, names: Sequence[str]) -> dict[str, ClassFigures]:
    n = len(found.labels)
    counts = slices.tallies(found, metrics.once(n))
    drawn = slices.tallies(found, metrics.resamples(n, np.random.default_rng(SEED)))
    scores = {"precision": metrics.precision, "recall": metrics.recall, "f1": metrics.f1}
    return {
        name: ClassFigures(
            n=int(counts.true[0, i]),
            **{score: float(of(counts)[0, i]) for score, of in scores.items()},
            intervals={score: metrics.interval(of(drawn)[:, i]) for score, of in scores.items()},
        )
        for i, name in enumerate(names)
    }


def _curve(found: Judged) -> tuple[tuple[float, float], ...]:
    coverage, risk = metrics.risk_coverage(found.confidence, found.right)
    kept = np.unique(np.linspace(0, len(coverage) - 1, CURVE_POINTS).round().astype(int))
    return tuple((float(coverage[i]), float(risk[i])) for i in kept)
