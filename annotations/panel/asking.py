"""A version answers samples of the panel, whoever served when they came, and what it says is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import mmdemo
from annotations.panel import upkeep
from annotations.review_queue import stored_samples
from annotations.review_queue.stored_samples import BATCH, AnsweredAgain, LeftOut, Stored
from annotations.schema import SampleRow
from annotations.store import Session, Store, panel
from mmdemo.errors import BadInput
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Prediction
from mmdemo.versions.registry import Versions

if TYPE_CHECKING:
    from mmdemo.prediction.predictor import Predictor


def ask(
    store: Store, task: Task, load: Callable[[], Predictor], version: str, rows: Sequence[SampleRow]
) -> AnsweredAgain:
    """Ask a version about these samples, and keep what it says of those that are still there.

    It is loaded once one of them can be read. Raises StorageError, and what `load` raises.
    """
    predictor = cache(load)

    def answer(batch: Sequence[SampleRow]) -> dict[str, Prediction | LeftOut]:
        items = {row.sample_id: Stored.of(row) for row in batch}
        inputs = {name: stored_samples.read(item, task, store.media) for name, item in items.items()}
        readable = {name: one for name, one in inputs.items() if not isinstance(one, LeftOut)}
        outcomes = zip(readable, predictor().answer_batch(list(readable.values())) if readable else (), strict=True)
        return {name: one for name, one in inputs.items() if isinstance(one, LeftOut)} | {
            name: stored_samples.refused(items[name], outcome) if isinstance(outcome, BadInput) else outcome
            for name, outcome in outcomes
        }

    def write(session: Session, row: SampleRow, prediction: Prediction) -> bool:
        panel.keep(session, row.sample_id, replace(prediction, model_version=version))
        return True

    batches = (rows[start : start + BATCH] for start in range(0, len(rows), BATCH))
    return stored_samples.in_batches(store, batches, answer, write)


def catch_up(store: Store, settings: Settings, task: Task) -> AnsweredAgain:
    """Have the version that serves answer what it has not, and test its thresholds; return what came of it.

    Whoever broke off is followed by the next. Raises StorageError, CheckpointError.
    """
    versions = Versions(settings)
    if not versions.serves(task.name):
        return AnsweredAgain()
    version = versions.champion(task.name)
    with store.reading() as session:
        rows = panel.unanswered_by(session, task.name, version)
    answers = ask(store, task, lambda: mmdemo.Predictor(task, version, settings), version, rows)
    upkeep.look(store, settings, task)
    return answers
