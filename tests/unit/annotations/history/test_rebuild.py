"""A version of a night is made again to the last bit, and what keeps it from being made again is said."""

import dataclasses
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotations import __main__ as command_line
from annotations import retrain
from annotations.history.rebuild import Rebuilt, rebuild
from annotations.review_queue import retention
from annotations.schema import now
from annotations.store import Store, labels, runs, snapshots
from mmdemo import tasks
from mmdemo.errors import BadInput
from mmdemo.settings import Settings
from mmdemo.tasks import Gate, Task
from mmdemo.versions import sidecar
from tests import tiny_training
from tests.statements import statements
from tests.tiny_training import FIRST
from tests.unit.annotations.nights import answer, copied, weights

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("task")


@pytest.fixture(scope="module")
def task(folder: Path) -> Task:
    loaded = tasks.load_file(tiny_training.write_task(folder))
    return replace(loaded, gate=Gate(minimum=2, held_out_share=0.3))


@pytest.fixture(scope="module")
def after_a_night(tmp_path_factory: pytest.TempPathFactory, task: Task) -> tuple[Settings, str]:
    """A home with a version that a night made of a dozen corrections."""
    config = tiny_training.home(tmp_path_factory.mktemp("night"), task)
    draw = np.random.default_rng(0)
    pictures = [(draw.integers(0, 256, (32, 32, 3), np.uint8), label) for label in tiny_training.LABELS * 15]
    answer(config, task, pictures)
    run = retrain.retrain(config, task)
    assert run.challenger
    return config, run.challenger


@pytest.fixture
def config(tmp_path: Path, after_a_night) -> Settings:
    return copied(after_a_night[0], tmp_path)


def learned(store: Store, task: Task, version: str, split: str) -> list[str]:
    with store.reading() as session:
        run = runs.of_challenger(session, task.name, version)
        return [entry.sample_id for entry in snapshots.of_run(session, run.id) if entry.split == split]


def again(store: Store, config: Settings, task: Task, version: str, out: Path | None = None) -> Rebuilt:
    return rebuild(store, config, task, version, out, True, lambda line: None)


def notes(rebuilt: Rebuilt) -> list[str]:
    return [reason.key for reason in rebuilt.notes]


def test_it_is_the_same_to_the_last_bit_whatever_was_answered_since(
    store: Store, config: Settings, task: Task, after_a_night, tmp_path: Path
) -> None:
    version = after_a_night[1]
    answer(config, task, [(np.full((32, 32, 3), 7, np.uint8), "left")])
    rebuilt = again(store, config, task, version, tmp_path / "out")
    assert (rebuilt.identical, rebuilt.differences, rebuilt.notes) == (True, (), ())
    assert weights(tmp_path / "out" / version) == weights(config.versions / task.name / version)
    with pytest.raises(BadInput, match="is there already"):
        again(store, config, task, version, tmp_path / "out")


def test_what_differs_is_named_and_so_is_other_code_and_another_machine(
    store: Store, config: Settings, task: Task, after_a_night
) -> None:
    version = after_a_night[1]
    folder = config.versions / task.name / version
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    about = sidecar.read(folder)
    options = dict(about.options) | {"lr": about.options["lr"] / 2, "forgotten": 1}
    changed = dataclasses.replace(about, code_revision="abc", machine="an abacus", options=options, memory="then")
    sidecar.write(folder, changed)
    rebuilt = again(store, config, task, version)
    assert rebuilt.identical is False
    assert set(rebuilt.differences) >= {"model.safetensors", "version.json:memory"}
    of_these = ("code", "machine", "options", "memory")
    assert notes(rebuilt) == [f"cli.rebuild_{name}" for name in of_these]
    assert rebuilt.notes[2].values["names"] == "forgotten, lr"
    assert list(config.home.glob(".rebuild-*")) == []


def test_one_that_learned_what_was_taken_back_is_not_made_again(
    store: Store, config: Settings, task: Task, after_a_night, folder: Path, monkeypatch, capsys
) -> None:
    version = after_a_night[1]
    one, other = learned(store, task, version, snapshots.TRAIN)[:2]
    retention.erase(store, one)
    with store.session() as session:
        labels.history(session, other)[0].withdrawn_at = now()
        session.commit()
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    monkeypatch.setenv("MMDEMO_TASK_DIR", str(folder))
    assert command_line.main(["rebuild", version, "--check", "--json"]) == 1
    value = json.loads(capsys.readouterr().out)
    assert (value["identical"], value["taken_back"]) == (False, 2)
    assert value["notes"][0]["key"] == "cli.rebuild_taken_back"
    assert command_line.main(["rebuild", version]) == 2
    assert "--check" in capsys.readouterr().err


def test_what_was_erased_of_the_held_out_costs_the_figures_alone(
    store: Store, config: Settings, task: Task, after_a_night
) -> None:
    version = after_a_night[1]
    retention.erase(store, learned(store, task, version, snapshots.HELD_OUT)[0])
    with statements(store) as sent:
        rebuilt = again(store, config, task, version)
    assert (rebuilt.identical, notes(rebuilt)) == (True, ["cli.rebuild_not_measured"])
    assert sum("FROM samples" in one.words for one in sent) == 1  # however many they are


def test_one_that_no_night_made_is_refused(store: Store, config: Settings, task: Task) -> None:
    with pytest.raises(BadInput, match="is not stored"):
        again(store, config, task, FIRST)
