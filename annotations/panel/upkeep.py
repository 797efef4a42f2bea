"""What is done about what the panel says: thresholds of here are tested, an alarm is raised, and ended by a person."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import numpy as np

from annotations.panel import alarm, local_promise, turns
from annotations.schema import now
from annotations.store import Store, file_lock, panel, tallies
from annotations.store.panel import Member
from mmdemo import hashed_draw
from mmdemo.errors import Busy, MmdemoError
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.live_figures import LiveFigures
from mmdemo.values.promise import NEVER, Alarm, AlarmAbout, LocalRule
from mmdemo.values.promise_status import PromiseStatus
from mmdemo.versions import local_rules, sidecar
from mmdemo.versions.registry import Versions

PATIENCE_S = 10.0  # for whoever else changes the rule
ROUND_S = 60.0  # between two looks of `keep_looking`
STRANGEST = 2.0  # the doubt of what is only a guess: above all others


def look(store: Store, settings: Settings, task: Task) -> LocalRule:
    """Raise an alarm where what is sent no longer fits, else test the thresholds of here that are due; return the rule.

    Raises StorageError, CheckpointError.
    """
    versions = Versions(settings)
    if task.promise is None or not versions.serves(task.name):
        return LocalRule()
    state = (_changes(store, task), versions.champion(task.name), local_rules.read(settings, task.name), task.promise)
    return store.remembered.of(("looked", task.name), state, lambda: _look(store, settings, task))


def _look(store: Store, settings: Settings, task: Task) -> LocalRule:
    versions = Versions(settings)
    with _changing(settings, task):
        rule, version = local_rules.read(settings, task.name), versions.champion(task.name)
        changed = rule
        if rule.alarm is None:
            members = _members(store, task, version, rule.since)
            raised = _alarm(store, task, version, rule, members)
            changed = replace(rule, alarm=raised) if raised else local_promise.refit(rule, task, version, members)
        if changed != rule:
            local_rules.write(settings, task.name, changed)
    return changed


def recalibrate(store: Store, settings: Settings, task: Task, dismiss: bool = False) -> LocalRule:
    """End an alarm, and return the rule: thresholds are tested on what came since, and all is asked where none stands.

    `dismiss`: it was a false one, so everything is as before. Without an alarm what is due is tested. Raises
    StorageError, CheckpointError.
    """
    with _changing(settings, task):
        rule = local_rules.read(settings, task.name)
        if rule.alarm is not None or dismiss:
            moment = now().isoformat()
            ended = replace(rule, alarm=None, watched_since=moment, doubted=False)
            if rule.alarm is not None and not dismiss:
                ended = replace(ended, since=rule.alarm.at, doubted=True, record=None, looks={})
            local_rules.write(settings, task.name, ended)
    return look(store, settings, task)


def keep_looking(
    store: Store, settings: Settings, tasks: Iterable[Task], stop: threading.Event, round_s: float = ROUND_S
) -> None:
    """Look at all tasks again and again until `stop` is set. What goes wrong is logged, and tried again."""
    while not stop.wait(round_s):
        for task in tasks:
            try:
                look(store, settings, task)
            except (MmdemoError, OSError) as error:
                logging.getLogger(__name__).warning("%s", error)


def figures(store: Store, settings: Settings, task: Task, status: PromiseStatus | None, version: str) -> LiveFigures:
    """Return how good a version is at what is sent here. Raises StorageError."""
    rule = local_rules.read(settings, task.name)
    names = sidecar.subsets(task.modalities)
    serving = status.thresholds if status else dict.fromkeys(names, task.threshold)
    state = (_changes(store, task), version, rule.since, tuple(sorted(serving.items())))

    def make() -> LiveFigures:
        return turns.figures(task, version, _members(store, task, version, rule.since), serving)

    return store.remembered.of(("figures", task.name), state, make)


def _changes(store: Store, task: Task) -> int:
    with store.reading() as session:
        return tallies.panel_changes(session, task.name)


def _members(store: Store, task: Task, version: str, since: str) -> list[Member]:
    with store.reading() as session:
        return panel.members(session, task.name, version, _moment(since))


def _alarm(store: Store, task: Task, version: str, rule: LocalRule, members: Sequence[Member]) -> Alarm | None:
    assert task.promise is not None
    with store.reading() as session:
        checked = panel.checked(session, task.name, version, _moment(rule.watched_since))
    wrong = np.array([not turns.agree(task, guess, label) for guess, label in checked], dtype=bool)
    at = now().isoformat()
    if alarm.reached(alarm.errors(wrong, task.promise.error), alarm.FALSE_ERRORS):
        return Alarm(AlarmAbout.ERRORS, at, len(wrong), int(wrong.sum()))
    since = _moment(rule.watched_since)
    there = [member for member in members if member.value]  # of what was erased nobody knows what it was like
    known = sum(since is not None and member.came_at <= since for member in there)
    doubts = [STRANGEST if member.confidence == NEVER else 1 - member.confidence for member in there]
    ties = [hashed_draw.draw("tie", member.sample_id) for member in there]
    wealth = alarm.inputs(doubts, ties, [member.modalities for member in there], known)
    return Alarm(AlarmAbout.INPUTS, at, len(there) - known) if alarm.reached(wealth, alarm.FALSE_INPUTS) else None


def _moment(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


@contextmanager
def _changing(settings: Settings, task: Task) -> Iterator[None]:
    place = local_rules.path(settings, task.name)
    place.parent.mkdir(parents=True, exist_ok=True)
    with file_lock.hold(place.with_suffix(".lock"), PATIENCE_S, Busy("rule_busy", task=task.name)):
        yield
