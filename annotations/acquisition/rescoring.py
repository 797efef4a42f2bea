"""Once another version serves, what waits for a person is scored again: its guess is shown, and its doubt orders.

What was served stays as it was, and nothing leaves the queue. What was drawn at random to judge versions is answered
without a guess: the version is written down with it, by which Label Studio gives it its turn, and is not asked. What an
app's own model answered is none of our versions' business, and left as it is. A run that broke off is finished by the
next: a sample is due as long as its guess is of another version than the one that serves.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import mmdemo
from annotations.review_queue import predictions, stored_samples
from annotations.review_queue.content import Holder
from annotations.review_queue.stored_samples import BATCH, LeftOut, Stored
from annotations.schema import SampleRow
from annotations.store import Session, Store, panel, samples
from mmdemo.errors import BadInput
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Inputs, Prediction
from mmdemo.versions.registry import Versions


class Scorer(Protocol):
    """What is needed of a predictor."""

    @property
    def model_version(self) -> str:
        """The version that answers now."""

    def predict_inputs(self, inputs: Inputs, explain: str = "none") -> Prediction:
        """Answer for a decoded sample. Raises BadInput."""


@dataclass(frozen=True)
class Rescored:
    """What came of it."""

    scored: int = 0
    left_out: tuple[LeftOut, ...] = ()  # what cannot be read: its guess stays the one before


def run(store: Store, settings: Settings, task: Task) -> Rescored:
    """Score what is due by the version that serves, which is loaded only then; the caller holds the night's lock.

    Raises StorageError, CheckpointError.
    """
    versions = Versions(settings)
    if not versions.serves(task.name):
        return Rescored()
    if not _due(store, task, versions.champion(task.name), limit=1):
        _name(store, task, versions.champion(task.name))
        return Rescored()
    return rescore(store, task, mmdemo.Predictor(task, None, settings))


def rescore(store: Store, task: Task, scorer: Scorer) -> Rescored:
    """Score what is due by the version that answers now. Raises StorageError, CheckpointError."""

    def answer(rows: Sequence[SampleRow]) -> dict[str, Prediction | LeftOut | None]:
        return {row.sample_id: _answer(store, task, scorer, row) for row in rows}

    def write(_: Session, row: SampleRow, prediction: Prediction | None) -> bool:
        is_asked = row.state in samples.ASKED
        if is_asked:
            predictions.score_again(task, row, prediction)
        return is_asked

    answered = stored_samples.in_batches(store, _batches(store, task, scorer.model_version), answer, write)
    _name(store, task, scorer.model_version)
    return Rescored(answered.written, answered.left_out)


def _name(store: Store, task: Task, version: str) -> None:
    with store.session() as session:
        panel.name_scorer(session, task.name, version)
        session.commit()


def _batches(store: Store, task: Task, version: str) -> Iterator[Sequence[SampleRow]]:
    after = ""
    while rows := _due(store, task, version, after):
        yield rows
        after = rows[-1].sample_id


def _due(store: Store, task: Task, version: str, after: str = "", limit: int = BATCH) -> Sequence[SampleRow]:
    with store.reading() as session:
        return samples.to_score(session, task.name, version, after, limit, held_by=Holder.FLAGGING)


def _answer(store: Store, task: Task, scorer: Scorer, row: SampleRow) -> Prediction | LeftOut | None:
    """Return what is said of a sample now; None where that was served already."""
    if row.prediction is not None and row.model_version == scorer.model_version:
        return None
    item = Stored.of(row)
    inputs = stored_samples.read(item, task, store.media)
    if isinstance(inputs, LeftOut):
        return inputs
    try:
        return scorer.predict_inputs(inputs, "default")
    except BadInput as error:
        return stored_samples.refused(item, error)
