"""Two versions asked about the same corrected samples: which of their answers differ, and who is right."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from annotations.nightly import dataset
from annotations.store import Session, Store, labels, runs, snapshots
from mmdemo.errors import BadInput
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Prediction, Sample

BATCH = 100  # samples between two words of progress


class SampleAnswerer(Protocol):
    """What is needed of a predictor."""

    def predict(self, sample: Sample) -> Prediction:
        """Answer. Raises BadInput."""


@dataclass(frozen=True)
class AnswerDifference:
    """A sample that two versions answer differently."""

    sample_id: str
    value: str  # what people say it is
    first: str  # the answers
    second: str
    first_right: bool
    second_right: bool
    learned_by: tuple[str, ...]  # which of the two are known to have learned from it: of them it proves nothing


@dataclass(frozen=True)
class VersionDiff:
    """How two versions differ on the corrected samples that are stored."""

    task: str
    first: str
    second: str
    samples: int  # that both answered
    left_out: int  # that cannot be read, or judged
    first_right: int
    second_right: int
    differences: tuple[AnswerDifference, ...]  # by sample id

    def count(self, first_right: bool, second_right: bool) -> int:
        """Return how many answers differ such that these are right."""
        return sum((one.first_right, one.second_right) == (first_right, second_right) for one in self.differences)


def of(
    store: Store,
    task: Task,
    names: tuple[str, str],
    load: Callable[[str], SampleAnswerer],
    progress: Callable[[str], None] = lambda _: None,
) -> VersionDiff:
    """Ask both about every correction that counts; `load` is called once for each, and one is in memory at a time.

    Raises StorageError, CheckpointError.
    """
    with store.reading() as session:
        corrections = labels.corrections(session, task.name)
        learned = {name: _learned(session, task, name) for name in names}
    snapshot = dataset.freeze(task, corrections, store.media)
    first, second = (_answers(load(name), name, snapshot.rows, progress) for name in names)
    both = [row for row in snapshot.rows if row.id in first and row.id in second]
    right = [(task.is_right(first[row.id], row.label), task.is_right(second[row.id], row.label)) for row in both]
    return VersionDiff(
        task=task.name,
        first=names[0],
        second=names[1],
        samples=len(both),
        left_out=len(snapshot.rows) + len(snapshot.left_out) - len(both),
        first_right=sum(one for one, _ in right),
        second_right=sum(other for _, other in right),
        differences=tuple(
            AnswerDifference(
                row.id,
                row.label,
                first[row.id],
                second[row.id],
                *outcome,
                tuple(name for name in names if row.id in learned[name]),
            )
            for row, outcome in zip(both, right, strict=True)
            if first[row.id] != second[row.id]
        ),
    )


def _answers(
    predictor: SampleAnswerer, name: str, rows: Sequence[Row], progress: Callable[[str], None]
) -> dict[str, str]:
    """Return sample → answer, of those that can be judged."""
    answers: dict[str, str] = {}
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        for row in batch:
            try:
                answers[row.id] = predictor.predict(row.sample).label
            except BadInput:
                continue
        progress(f"{name}: {start + len(batch)} of {len(rows)} samples answered")
    return answers


def _learned(session: Session, task: Task, version: str) -> set[str]:
    """Return the samples from which a version is known to have learned."""
    run = runs.of_challenger(session, task.name, version)
    entries = snapshots.of_run(session, run.id) if run else ()
    return {entry.sample_id for entry in entries if entry.split == snapshots.TRAIN}
