"""A training that was killed goes on to the very same weights; one that is another is not gone on with."""

import hashlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mmdemo import tasks
from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel
from mmdemo.settings import ROOT
from mmdemo.training import manifests
from mmdemo.training.data import Manifests
from mmdemo.training.data.datasets import decode_rows
from mmdemo.training.fitting.resuming import ResumeFolder
from mmdemo.training.fitting.trainer import Plan, fit
from mmdemo.training.fitting.weight_selection import JUDGED_BY
from mmdemo.training.options import Options
from mmdemo.training.run import train
from mmdemo.versions import sidecar
from tests import serving
from tests.tiny_training import job

# Everything that has a memory: an average, the best epoch, augmentation, dropout, a rate that falls.
MEMORY = {"epochs": 5, "ema": 0.9, "patience": 9, "augment": True}


def weights(folder: Path) -> str:
    return hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()


def kill_after_an_epoch(out: Path, *words: object) -> None:
    """Run `python -m mmdemo train` until it has left a checkpoint, and kill it."""
    with subprocess.Popen(
        [sys.executable, "-m", "mmdemo", "train", *map(str, words)],
        cwd=ROOT,
        env=serving.environment(out.parent / "home"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        while ResumeFolder(out).checkpoint() is None:
            assert process.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        process.kill()


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_weights(capsys, trained, tmp_path: Path) -> None:
    both = Manifests(trained.dev, trained.dev)
    whole = train(job(trained.task, seed=5, **MEMORY), both, tmp_path / "whole")
    out = tmp_path / "killed"
    options = [word for name, value in MEMORY.items() for word in ("--option", f"{name}={json.dumps(value)}")]
    words = ("--task", trained.task, "--train", trained.dev, "--dev", trained.dev, "--out", out, "--seed", 5, *options)
    kill_after_an_epoch(out, *words)
    assert not out.exists()
    with pytest.raises(ManifestError, match="interrupted"):
        train(job(trained.task, seed=6, **MEMORY), both, out)
    capsys.readouterr()
    train(job(trained.task, seed=5, **MEMORY), both, out)
    assert "going on with" in capsys.readouterr().err
    assert weights(out) == weights(whole)
    assert sidecar.read(out).temperatures == sidecar.read(whole).temperatures
    assert not ResumeFolder(out).folder.exists()


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"epochs": 0.5}, {"epochs": 9, "patience": 1, "ema": 0.5}], ids=["end", "early"])
def test_a_training_that_had_ended_is_not_trained_further(trained, tmp_path: Path, options: dict[str, float]) -> None:
    task, resume = tasks.get(trained.task), ResumeFolder(tmp_path / "out")
    chosen = Options(**{"batch": 4, "precision": "fp32", "augment": False, **options})
    lines = []
    for _ in range(2):
        loaded = MultimodalModel.load(trained.folder)
        items = decode_rows(manifests.read(trained.dev, task)[:8], task, loaded.processor)
        fit(loaded, items, Plan(chosen), judge=lambda _: {JUDGED_BY: 1.0}, resume=resume)
        lines.append(loaded.model.state_dict())
    assert all(torch.equal(value, lines[1][name]) for name, value in lines[0].items())


def test_a_checkpoint_that_was_cut_short_is_passed_over(tmp_path: Path) -> None:
    resume = ResumeFolder(tmp_path / "out")
    for step, whole in ((9, True), (10, True), (100, False)):
        folder = resume.folder / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / ("rest.pt" if whole else "rest.tmp")).touch()
    assert resume.checkpoint() == resume.folder / "checkpoint-10"


def test_what_was_found_before_the_training_is_found_once(tmp_path: Path) -> None:
    resume = ResumeFolder(tmp_path / "out")
    resume.folder.mkdir()
    assert [resume.once("folds", lambda n=n: {"n": n}) for n in (1, 2)] == [{"n": 1}, {"n": 1}]
