"""What the Status tab and `python -m annotations status` show: read, never written."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime, time

from annotations import promises
from annotations.acquisition.strata import AUDITED, is_drawn
from annotations.nightly import gate, lock, looks
from annotations.panel import upkeep
from annotations.store import Store, facts, labels, runs, tallies
from annotations.store.tallies import Counted
from annotations.watching import probation
from mmdemo.retrieval import index
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import WAITING, Backlog, CorrectionSource, Indexed, Reason, Run, SampleState, Status
from mmdemo.versions.registry import Versions


def of(store: Store, settings: Settings, task: Task) -> Status:
    """Return the state of one task. Raises StorageError."""
    registry = Versions(settings)
    with store.reading() as session:
        states = tallies.count_by_state(session, task.name)
        by_value = tallies.by_item(session, task.name, Counted.VALUE)
        by_annotator = tallies.by_item(session, task.name, Counted.ANNOTATOR)
        aside = tallies.count_set_aside(session, task.name, task.gate.held_out_share)
        sync = runs.last_sync(session, task.name)
        run = runs.last(session, task.name)
        _, sure = tallies.count_sure(session, task.name, AUDITED)
        past = looks.of_runs(runs.compared(session, task.name))
        wrong_reason = sum(tallies.by_item(session, task.name, Counted.WRONG_REASON).values())
        today = labels.count_since(session, [task.name], _midnight())
        notices = (*facts.told(session), *runs.trouble(session, task.name, CorrectionSource.LABEL_STUDIO))
        notices += runs.succession(session, task.name, CorrectionSource.LABEL_STUDIO)
        watched, out = probation.last_noted(session, registry, task), probation.why_ended(session, registry, task)
    versions = tuple(registry.list(task.name))
    promise, served = promises.of(settings, task), next((info.version for info in versions if info.served), "")
    held_out = sum(aside.values())
    drawn = sum(number for way, number in aside.items() if is_drawn(way, task))
    checked = sum(number for way, number in aside.items() if way.stratum == AUDITED)
    return Status(
        task=task.name,
        states={state.value: states.pop(state, 0) for state in SampleState} | states,
        by_label={value: by_value.get(value, 0) for value in task.answers},
        by_annotator=by_annotator,
        versions=versions,
        last_sync=labels.iso(sync.at) if sync else None,
        last_retrain=_checked(runs.as_run(run), settings) if run else None,
        held_out=held_out,
        held_out_needed=looks.held_out_needed(task.gate.minimum, held_out, drawn, past),
        checks_missing=gate.checks_missing(checked, sure),
        answered_today=today,
        indexed=tuple(_indexed(settings, task, {version.version for version in versions if version.served})),
        wrong_reason=wrong_reason,
        label_studio=bool(settings.label_studio_url and settings.label_studio_api_key),
        notices=(*([out] if out else []), *notices),
        watch=watched,
        promise=promise,
        live=upkeep.figures(store, settings, task, promise, served) if served else None,
    )


def backlog(store: Store, tasks: Collection[str]) -> Backlog:
    """Return what people have before them of these tasks, and what they did today. Raises StorageError."""
    with store.reading() as session:
        waiting = tallies.by_task(session, tasks, Counted.KEPT, *WAITING)
        later = tallies.by_task(session, tasks, Counted.KEPT, SampleState.SKIPPED)
        return Backlog(waiting, later, labels.count_since(session, tasks, _midnight()))


def stand_in(task: str, champion: str, version: str) -> tuple[Reason, ...]:
    """Return what is told of a version that answers for `champion`, "" for none that is known."""
    key = "status.stands_in" if champion else "status.pointer_damaged"
    return (Reason(key, {"task": task, "wanted": champion, "version": version}),)


def _midnight() -> datetime:
    return datetime.combine(datetime.now().date(), time()).astimezone()  # where this machine stands


def _indexed(settings: Settings, task: Task, served: Collection[str]) -> Iterator[Indexed]:
    for about in index.listed(settings, task.name):
        yield Indexed(about.name, about.samples, about.model_version, about.model_version in served)


def _checked(run: Run, settings: Settings) -> Run:
    """A run that says it is at work while nobody holds the lock was cut off."""
    if run.state != runs.RUNNING or lock.is_held(settings):
        return run
    interrupted = Reason("status.night_interrupted")
    why = (*run.why, interrupted)
    return replace(run, state=runs.FAILED, why=why, reasons=tuple(reason.sentence() for reason in why))
