"""A task with two versions, of which a run made the second, and what that run learned from."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotations import review_queue
from annotations.store import Store, open_store, runs, snapshots
from annotations.store.snapshots import HELD_OUT, TRAIN, SnapshotEntry
from mmdemo import tasks
from mmdemo.answers import LabelAnswer
from mmdemo.decode import decode
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.review import Reason
from mmdemo.values.samples import Prediction, Sample
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations import sentiment

SECOND = "2026-01-02-n001"


@dataclass
class Past:
    """A home in which one night went by."""

    config: Settings
    task: Task
    ids: list[str] = field(default_factory=list)  # samples, all said to be "left"

    def store(self) -> Store:
        return open_store(self.config)

    def run(self, store: Store, verdict: str, entries: list[SnapshotEntry], challenger: str | None = SECOND) -> int:
        """Write down a run that ended with this verdict."""
        figures = {"held_out": 2.0, "trained_on": 2.0, "champion_accuracy": 0.5, "challenger_accuracy": 1.0}
        with store.session() as session:
            run_id = runs.start(session, self.task.name, FIRST, "d" * 64, 4, 4)
            columns = {"verdict": verdict, "reasons": (Reason("status.night_nothing_new"),), "figures": figures}
            snapshots.keep(session, run_id, entries)
            runs.finish(session, run_id, **columns, challenger=challenger)
            session.commit()
        return run_id

    def entries(self) -> list[SnapshotEntry]:
        """Two learned from; of two held out one turned right, and one is right before and after."""
        return [
            *(SnapshotEntry(name, "left", TRAIN) for name in self.ids[:2]),
            SnapshotEntry(self.ids[2], "left", HELD_OUT, "right", "left"),
            SnapshotEntry(self.ids[3], "left", HELD_OUT, "left", "left"),
        ]


class Answering:
    """Says one thing of everything."""

    def __init__(self, label: str) -> None:
        self.label = label

    def predict(self, sample: Sample) -> Prediction:
        """Say it."""
        task = tasks.get("sentiment")
        return Prediction(
            "", task.name, task.kind, LabelAnswer(self.label, {self.label: 1.0}), 1.0, 0.5, False, None, (), "v", 1.0
        )


@pytest.fixture
def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Past:
    """The home, also that of commands."""
    (tmp_path / "tasks").mkdir()
    task = tasks.load_file(tiny_training.write_task(tmp_path / "tasks"))
    config = tiny_training.home(tmp_path, task)
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    monkeypatch.setenv("MMDEMO_TASK_DIR", str(tmp_path / "tasks"))
    tiny_training.untrained(config, task, SECOND, 1)
    folder = Versions(config).folder(task.name, SECOND)
    about = vars(sidecar.read(folder)) | {"parent": FIRST, "samples": 2, "data": "d" * 64}
    sidecar.write(folder, sidecar.Sidecar(**about))
    past = Past(config, task)
    store = past.store()
    for seed in range(4):
        noise = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        inputs = decode(Sample(image=Image.fromarray(noise)), task)
        sample_id, _ = review_queue.offer(store, task, inputs, sentiment.prediction(inputs, version=FIRST, task=task))
        review_queue.correct(store, {task.name: task}, sample_id, "left", "Ann")
        past.ids.append(sample_id)
    store.close()
    return past
