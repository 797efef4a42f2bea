"""The version that serves answers the panel, and is judged by all of it, whoever served when its samples came."""

from collections.abc import Sequence

import mmdemo
from annotations.panel import upkeep
from annotations.review_queue import stored_samples
from annotations.review_queue.stored_samples import LeftOut, Stored
from annotations.schema import SampleRow
from annotations.store import Store, panel
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Prediction
from mmdemo.versions.registry import Versions

BATCH = 32  # samples between two short transactions, and all that is in memory at once


def catch_up(store: Store, settings: Settings, task: Task) -> int:
    """Have the version that serves answer what it has not, test its thresholds; return how many answers that took.

    Whoever broke off is followed by the next. Raises StorageError, CheckpointError.
    """
    versions = Versions(settings)
    if not versions.serves(task.name):
        return 0
    version = versions.champion(task.name)
    with store.reading() as session:
        rows = panel.unanswered_by(session, task.name, version)
    answers = 0
    predictor = mmdemo.Predictor(task, version, settings) if rows else None
    for start in range(0, len(rows), BATCH):
        assert predictor is not None
        answers += _answer(store, task, predictor, rows[start : start + BATCH])
    upkeep.look(store, settings, task)
    return answers


def _answer(store: Store, task: Task, predictor: Predictor, rows: Sequence[SampleRow]) -> int:
    items = [Stored(row.sample_id, row.caption, row.image, row.audio) for row in rows]
    read = [(item, stored_samples.read(item, task, store.media)) for item in items]
    inputs = [(item.sample_id, sample) for item, sample in read if not isinstance(sample, LeftOut)]
    said = predictor.answer_batch([sample for _, sample in inputs])
    answered = [
        (name, answer) for (name, _), answer in zip(inputs, said, strict=True) if isinstance(answer, Prediction)
    ]
    with store.session() as session:
        present = panel.present(session, [name for name, _ in answered])
        for name, answer in answered:
            if name in present:  # nobody erased it meanwhile
                panel.keep(session, name, answer)
        session.commit()
    return len(answered)
