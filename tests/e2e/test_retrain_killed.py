"""A real training that is killed: while it compares, and once it has put its version into service."""

import json
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from annotations import review_queue
from annotations.nightly import leftovers
from annotations.store import open_store, runs
from mmdemo import tasks
from mmdemo.decode import decode
from mmdemo.model import MultimodalModel
from mmdemo.settings import ROOT, Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Sample
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar
from tests import serving, tiny_training
from tests.unit.annotations import sentiment
from tests.waiting import wait_until

FIRST = "2026-01-01-n001"


@dataclass(frozen=True)
class Home:
    """A home whose champion has learned nothing, with enough corrections to train on."""

    config: Settings
    task: Task

    @property
    def versions(self) -> Versions:
        return Versions(self.config)

    def challengers(self) -> list[str]:
        """Return the versions that a training made."""
        return [info.version for info in self.versions.list(self.task.name) if info.version != FIRST]

    def train(self) -> subprocess.Popen[bytes]:
        """Begin a training as the night does."""
        variables = serving.environment(self.config.home, MMDEMO_TASK_DIR=str(self.config.task_dir))
        words = [sys.executable, "-m", "annotations", "retrain", "--task", self.task.name, "--json"]
        return subprocess.Popen(words, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def settle(self) -> runs.RunRow:
        """Do as the app does when it starts, and return the last run."""
        with closing(open_store(self.config)) as store:
            leftovers.tidy(store, self.config, self.task.name)
            with store.reading() as session:
                row = runs.last(session, self.task.name)
        assert row is not None
        return row


@pytest.fixture
def home(tmp_path: Path) -> Home:
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "sides.toml").write_text(tiny_training.TASK + "[gate]\nminimum = 6\nheld_out_share = 0.3\n")
    task = tasks.load_file(folder / "sides.toml")
    home_of_task = Home(Settings(home=tmp_path / "home", task_dir=folder), task)
    path = home_of_task.versions.folder(task.name, FIRST)
    torch.manual_seed(0)
    for part in MultimodalModel.build(task):
        part.save_pretrained(path)
    sidecar.write(path, Sidecar(FIRST, task.name, task.kind, task.label_names, task.modalities, sidecar.now()))
    home_of_task.versions.promote(task.name, FIRST)
    (tmp_path / "pictures").mkdir()
    lines = tiny_training.write(tmp_path / "pictures", 120).read_text().splitlines()
    with closing(open_store(home_of_task.config)) as store:
        for row in map(json.loads, lines):
            image = np.asarray(Image.open(tmp_path / "pictures" / row["image"]))
            inputs = decode(Sample(image=Image.fromarray(image)), task)
            sample_id, _ = review_queue.offer(
                store, task, inputs, sentiment.prediction(inputs, version=FIRST, task=task)
            )
            review_queue.correct(store, {task.name: task}, sample_id, row["label"], "Ann")
    return home_of_task


def test_one_that_is_killed_before_its_verdict_leaves_no_version_and_the_next_one_comes_to_its_end(home: Home) -> None:
    with home.train() as running:
        wait_until(home.challengers, limit_s=400, tick_s=0.1)
        running.send_signal(signal.SIGKILL)
    row = home.settle()
    if row.verdict is None:  # the usual case: it was comparing
        assert row.state == runs.FAILED
        assert home.challengers() == [] and home.versions.champion(home.task.name) == FIRST
    with home.train() as running:
        [said] = json.loads(running.communicate(timeout=240)[0])
    assert said["verdict"] in ("promoted", "nothing_new")
    assert home.versions.champion(home.task.name) in home.challengers()


def test_one_that_is_killed_once_its_version_serves_has_its_verdict_on_record(home: Home) -> None:
    with home.train() as running:
        wait_until(lambda: home.versions.champion(home.task.name) != FIRST, limit_s=240, tick_s=0.001)
        running.send_signal(signal.SIGKILL)
    row = home.settle()
    assert (row.state, row.verdict) == (runs.DONE, "promoted")
    assert row.challenger == home.versions.champion(home.task.name)
    assert row.figures["challenger_accuracy"] > row.figures["champion_accuracy"]
