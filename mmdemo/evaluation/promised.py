"""What a version can promise: its thresholds, tested on answers as they are served."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mmdemo import thresholds
from mmdemo.evaluation import slices
from mmdemo.evaluation.answers import LabelledRow, PredictedRow, ask
from mmdemo.prediction.predictor import Predictor
from mmdemo.tasks import Task
from mmdemo.thresholds import Outcomes
from mmdemo.values.promise import NEVER, PromiseRecord
from mmdemo.versions import sidecar


def judge(
    predictor: Predictor, rows: Sequence[LabelledRow], by: str = "", progress: Callable[[str], None] = lambda _: None
) -> PromiseRecord:
    """Return what the version keeps of its task's promise, tested on independent samples of labels that are known.

    Nothing may have been fitted to them. `by` is the field of which they have each value once, "" where there is none.
    Raises ManifestError where not one of them can be judged.
    """
    task = predictor.task
    assert task.promise is not None, f"{task.name} promises nothing"
    parts = ask(predictor, rows, progress).parts if rows else {}
    outcomes = {name: outcomes_of(task, answers) for name, answers in parts.items()}
    return PromiseRecord(task.promise, thresholds.fit(outcomes, task.promise, sidecar.subsets(task.modalities)), by)


def outcomes_of(task: Task, answers: Sequence[PredictedRow]) -> Outcomes:
    """Return answers as they are tested: what is strange is asked about whatever the threshold."""
    judged = slices.judged(task, answers)
    capped = np.array([answered.prediction.capped for answered in answers], dtype=bool)
    return Outcomes(np.where(capped, NEVER, judged.confidence), ~judged.right)
