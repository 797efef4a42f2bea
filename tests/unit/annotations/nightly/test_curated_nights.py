"""A night with planted wrong labels and copies: they train nothing, are written down, and are asked about once more."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from annotations import retrain, review_queue
from annotations.acquisition.strata import held_out_draw, is_held_out
from annotations.nightly import curation, dataset
from annotations.review_queue import second_look
from annotations.store import Store, labels, runs, samples, snapshots
from mmdemo import tasks
from mmdemo.settings import Settings
from mmdemo.tasks import Gate, Task
from mmdemo.training.run import Manifests, train
from mmdemo.values.review import Run, SampleState
from mmdemo.versions.registry import Versions
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations.nights import answer, copied, other

SHARE = 0.3
WRONG = 8  # planted among what is trained on


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    loaded = tasks.load_file(tiny_training.write_task(tmp_path_factory.mktemp("task")))
    return replace(loaded, gate=Gate(minimum=6, held_out_share=SHARE))


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory, task: Task) -> tuple[Settings, Run, list[str], set[str], list[str]]:
    """A home after its night, the run, the ids of all pictures, of those with a wrong label, and of the copies."""
    folder = tmp_path_factory.mktemp("night")
    config = tiny_training.home(folder, task)
    base = config.versions / task.name / FIRST
    shutil.rmtree(base)
    train(tiny_training.job(task, seed=3, epochs=8), Manifests(tiny_training.write(folder / "data", 240, 7)), base)
    wrong: set[str] = set()

    def label(sample_id: str, truth: str) -> str:
        if len(wrong) < WRONG and not is_held_out(held_out_draw(sample_id), SHARE):
            wrong.add(sample_id)
            return other(truth)
        return truth

    pictures = tiny_training.drawn(folder / "pictures")
    ids = answer(config, task, pictures, label)
    copies = answer(config, task, [(_darker(image), truth) for image, truth in pictures[40:60]])
    return config, retrain.retrain(config, task), ids, wrong, copies


@pytest.fixture
def config(night, tmp_path: Path) -> Settings:
    return copied(night[0], tmp_path)


def _darker(image: np.ndarray) -> np.ndarray:
    return (image * 0.99).astype(np.uint8)


def sides(store: Store, task: Task) -> dict[str, str]:
    with store.reading() as session:
        entries = snapshots.of_run(session, runs.last(session, task.name).id)
    return {entry.sample_id: entry.split for entry in entries}


@pytest.mark.slow
def test_wrong_labels_are_held_back_from_training_alone(store: Store, task: Task, night) -> None:
    _, run, ids, wrong, _ = night
    side = sides(store, task)
    suspects = {name for name, part in side.items() if part == snapshots.SUSPECT}
    assert len(suspects & wrong) >= WRONG - 2 and len(suspects - wrong) <= 2
    assert {name for name in ids if side[name] == snapshots.HELD_OUT} == {
        name for name in ids if is_held_out(held_out_draw(name), SHARE)
    }
    assert run.figures["suspects"] == len(suspects)
    assert any(reason.startswith(f"{len(suspects)} answers do not fit") for reason in run.reasons)


@pytest.mark.slow
def test_of_near_copies_one_trains_and_none_where_one_is_held_out(store: Store, task: Task, night) -> None:
    _, run, ids, _, copies = night
    side = sides(store, task)
    trains = (snapshots.TRAIN, snapshots.SUSPECT)
    for original, copy in zip(ids[40:60], copies, strict=True):
        pair = side[original], side[copy]
        if snapshots.HELD_OUT in pair:
            assert not set(pair) & set(trains)
        else:
            assert snapshots.COPY in pair and len(set(pair) & set(trains)) == 1
    assert run.figures["copies"] == sum(part == snapshots.COPY for part in side.values()) >= 20 * (1 - SHARE**2) - 6
    assert run.figures["trained_on"] == sum(part == snapshots.TRAIN for part in side.values())


@pytest.mark.slow
def test_suspects_wait_for_a_second_look_and_are_then_taken_as_they_are(store: Store, task: Task, night) -> None:
    config = night[0]
    with store.reading() as session:
        asked = [row for row in samples.waiting(session, task.name) if row.reason == "second_look"]
    assert {row.sample_id for row in asked} == {
        name for name, part in sides(store, task).items() if part == snapshots.SUSPECT
    }
    assert second_look.ask(store, [row.sample_id for row in asked]) == 0  # they wait already
    stubborn, mended = asked[0].sample_id, asked[1].sample_id
    for sample_id, renewed in ((stubborn, False), (mended, True)):
        with store.reading() as session:
            before = labels.counting(session, sample_id).value
        review_queue.correct(store, {task.name: task}, sample_id, other(before) if renewed else before, "Bob")
    with store.reading() as session:
        snapshot = dataset.freeze(task, labels.corrections(session, task.name), store.media)
    parts = curation.curate(task, Versions(config).path(task.name, FIRST), snapshot, dataset.split(snapshot, SHARE))
    again = {row.id for row in parts.suspects}
    assert again == {row.sample_id for row in asked} - {stubborn, mended}
    assert {stubborn, mended} <= {row.id for row in parts.train}


@pytest.mark.slow
def test_an_answer_given_again_is_another_snapshot(store: Store, task: Task, night) -> None:
    def frozen() -> dataset.Snapshot:
        with store.reading() as session:
            return dataset.freeze(task, labels.corrections(session, task.name), store.media)

    before = frozen()
    with store.reading() as session:
        row = samples.get(session, night[2][0])
        value = labels.counting(session, row.sample_id).value
    assert row.state in (SampleState.LABELLED, SampleState.QUEUED)
    review_queue.correct(store, {task.name: task}, row.sample_id, value, "Bob")
    assert frozen().confirmed == {row.sample_id} and not before.confirmed
    assert frozen().digest != before.digest
