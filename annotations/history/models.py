"""The versions of a task through time, each with the run that judged it: what the Models tab shows."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from annotations import rollback
from annotations.nightly import unlearning
from annotations.review_queue.stored_samples import Stored
from annotations.schema import RunRow
from annotations.store import Session, Store, runs, samples, snapshots, tallies
from annotations.store.labels import iso
from annotations.store.snapshots import SnapshotEntry
from annotations.watching import probation
from mmdemo import curves, thresholds
from mmdemo.errors import UnknownName
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.history import (
    AnswerPairs,
    ConfidenceCurves,
    FigurePair,
    MeasuredCurves,
    ModelHistory,
    ModelVersion,
    TurnedAnswer,
)
from mmdemo.values.review import MeasuredOn, Reason, VersionInfo
from mmdemo.versions import curves as version_curves
from mmdemo.versions.registry import Versions

MOST_PAIRED = 20  # newest runs whose single answers are compared
BEFORE, AFTER = "champion_", "challenger_"  # begin the names of a run's paired figures


@dataclass(frozen=True)
class _Judged:
    """What a run's single answers come to."""

    pairs: AnswerPairs | None = None
    curves: tuple[ConfidenceCurves, ...] = ()


def of(store: Store, settings: Settings, task: Task) -> ModelHistory:
    """Return all versions that are there, and those that runs made and that were removed since. Raises StorageError."""
    versions = Versions(settings)
    infos = {info.version: info for info in versions.list(task.name)}
    with store.reading() as session:
        run_of = _run_of(session, task)
        recent = sorted(run.id for run in run_of.values())[-MOST_PAIRED:]
        judged = {run_id: _judged(store, session, task, run_id) for run_id in recent}
        proven = rollback.proven(session, versions, task.name, infos)
        proven -= unlearning.tainted(session, versions, task.name).keys()
        watched = probation.last_noted(session, versions, task)
    history = []
    for name in {**infos, **run_of}:
        info, run = infos.get(name), run_of.get(name)
        can_serve = info is not None and not info.served and name in proven and versions.fits(task, name)
        history.append(_version(name, info, run, judged.get(run.id, _Judged()) if run else _Judged(), can_serve))
    if watched is not None:
        history = [replace(one, why=(*one.why, watched)) if one.served else one for one in history]
    return ModelHistory(task.name, tuple(sorted(history, key=lambda one: (one.at, one.version), reverse=True)))


def turned(store: Store, task: Task, version: str, most: int) -> tuple[list[TurnedAnswer], int]:
    """Return the answers that turned with a version, right ones first, at most `most` each way, and how many are left.

    A sample that was deleted since is left out. Raises UnknownName for a version that no run made.
    """
    with store.reading() as session:
        run = runs.of_challenger(session, task.name, version)
        if run is None:
            names = ", ".join(sorted(runs.all_challengers(session, task.name))) or "–"
            raise UnknownName("unknown_version", version=version, task=task.name, known=names)
        shown: list[TurnedAnswer] = []
        left = 0
        asked = snapshots.judged(session, [run.id], (snapshots.HELD_OUT, snapshots.GOLDEN))
        turned_entries = list(_turned(task, asked.get(run.id, [])))
        rows = samples.with_content(session, [entry.sample_id for entry, _ in turned_entries])
        for entry, is_right in turned_entries:
            row = rows.get(entry.sample_id)
            if row is None:
                continue
            if sum(one.is_right == is_right for one in shown) == most:
                left += 1
                continue
            before, after = entry.champion or "", entry.challenger or ""
            sample = Stored.of(row).sample(store.media)
            golden = row.pinned_at is not None
            shown.append(TurnedAnswer(row.sample_id, sample, golden, entry.value, before, after, is_right))
    return sorted(shown, key=lambda one: not one.is_right), left


def curves_of(store: Store, settings: Settings, task: Task, version: str) -> MeasuredCurves | None:
    """Return the curves that lie beside a version's weights, else those of the corrections that judged it.

    None where neither is known. Raises StorageError, CheckpointError.
    """
    with contextlib.suppress(UnknownName):  # it was removed since: its run is known
        measured = version_curves.read(Versions(settings).path(task.name, version))
        if measured is not None:
            return measured
    with store.reading() as session:
        run = runs.of_challenger(session, task.name, version)
        judged = snapshots.judged(session, [run.id]).get(run.id, ()) if run else ()
    if not (both := _curves(task, judged)):
        return None
    return MeasuredCurves(both[-1], sum(point.count for point in both[-1].reliability), MeasuredOn.HELD_OUT)


def _run_of(session: Session, task: Task) -> dict[str, RunRow]:
    """Return version → the newest run that made it and came to a verdict."""
    rows = [row for row in runs.of_task(session, task.name) if row.challenger and row.state == runs.DONE]
    return {row.challenger: row for row in reversed(rows) if row.challenger}


def _judged(store: Store, session: Session, task: Task, run_id: int) -> _Judged:
    """Return it as it was made before, where nothing of what the run read was erased since."""

    def make() -> _Judged:
        entries = snapshots.judged(session, [run_id]).get(run_id, ())
        return _Judged(_pairs(task, entries), _curves(task, entries))

    state = tallies.snapshot_changes(session, run_id), task
    return store.remembered.of(("judged", run_id), state, make)


def _version(
    name: str,
    info: VersionInfo | None,
    run: RunRow | None,
    judged: _Judged,
    can_serve: bool,
) -> ModelVersion:
    if run is None:
        assert info is not None
        return ModelVersion(name, info.created_at, info.parent, info, can_serve)
    trained_on = run.figures.get("trained_on")
    return ModelVersion(
        version=name,
        at=info.created_at if info else iso(run.started_at),
        parent=info.parent if info else None,
        info=info,
        can_serve=can_serve,
        verdict=run.verdict,
        why=tuple(Reason(**reason) for reason in run.reasons),
        trained_on=None if trained_on is None else int(trained_on),
        compared_with=run.champion,
        held_out=int(run.figures.get("held_out", 0)),
        figures=tuple(_figures(run.figures)),
        pairs=judged.pairs,
        curves=judged.curves,
    )


def _figures(numbers: Mapping[str, object]) -> Iterator[FigurePair]:
    """Yield the figures that a run has of both versions, whatever else it holds."""
    for key, after in numbers.items():
        name = key.removeprefix(AFTER)
        before = numbers.get(BEFORE + name)
        if name != key and isinstance(before, int | float) and isinstance(after, int | float):
            yield FigurePair(name, float(before), float(after))


def _turned(task: Task, entries: Sequence[SnapshotEntry]) -> Iterator[tuple[SnapshotEntry, bool]]:
    """Yield the entries of which one version is right and the other one wrong, and whether the new one is right."""
    for entry in entries:
        before, after = (_is_right(task, entry, value) for value in (entry.champion, entry.challenger))
        if before != after:
            yield entry, after


def _pairs(task: Task, entries: Sequence[SnapshotEntry]) -> AnswerPairs | None:
    if not entries:
        return None
    outcomes = [tuple(_is_right(task, one, value) for value in (one.champion, one.challenger)) for one in entries]
    before, after = (sum(column) for column in zip(*outcomes, strict=True))
    return AnswerPairs(
        both=outcomes.count((True, True)),
        turned_right=outcomes.count((False, True)),
        turned_wrong=outcomes.count((True, False)),
        neither=outcomes.count((False, False)),
        before=thresholds.wilson(before, len(entries)),
        after=thresholds.wilson(after, len(entries)),
    )


def _curves(task: Task, entries: Sequence[SnapshotEntry]) -> tuple[ConfidenceCurves, ...]:
    """Return both versions' curves; none of a run whose confidences were not kept, or that judged too few."""
    sure = [one for one in entries if None not in (one.champion_confidence, one.challenger_confidence)]
    before = [one.champion_confidence or 0.0 for one in sure], [_is_right(task, one, one.champion) for one in sure]
    after = [one.challenger_confidence or 0.0 for one in sure], [_is_right(task, one, one.challenger) for one in sure]
    both = curves.of(*before), curves.of(*after)
    return tuple(one for one in both if one) if all(both) else ()


def _is_right(task: Task, entry: SnapshotEntry, value: str | None) -> bool:
    """Whether an answer was right; one that the task takes no longer is right where it is the very value."""
    if task.takes(entry.value) and task.takes(value):
        return task.is_right(value or "", entry.value)
    return value == entry.value
