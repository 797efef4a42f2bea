"""What is taken back is gone from what serves, to the last bit, and versions that learned it are refused."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from annotations import retrain, rollback
from annotations.nightly import run_record, unlearning
from annotations.review_queue import retention
from annotations.schema import ConsentRow, SnapshotRow, now
from annotations.store import Store, labels, runs, samples, snapshots
from mmdemo import tasks
from mmdemo.errors import Conflict
from mmdemo.settings import Settings
from mmdemo.tasks import Gate, Task
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations.nights import answer, copied, weights


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    loaded = tasks.load_file(tiny_training.write_task(tmp_path_factory.mktemp("task")))
    return replace(loaded, gate=Gate(minimum=6, held_out_share=0.3))


@pytest.fixture(scope="module")
def after_a_night(tmp_path_factory: pytest.TempPathFactory, task: Task, pictures) -> tuple[Settings, list[str], str]:
    """A home whose night ended well, the samples that were corrected, and the version that it made."""
    config = tiny_training.home(tmp_path_factory.mktemp("night"), task)
    ids = answer(config, task, pictures)
    run = retrain.retrain(config, task)
    assert run.verdict == "promoted"
    return config, ids, run.challenger


@pytest.fixture
def config(tmp_path: Path, after_a_night) -> Settings:
    return copied(after_a_night[0], tmp_path)


@pytest.fixture
def learned(store: Store, config: Settings, task: Task, after_a_night) -> list[str]:
    """The samples that the version learned."""
    with store.reading() as session:
        return sorted(unlearning.learned(session, Versions(config), task.name, after_a_night[2]))


def withdraw(store: Store, *sample_ids: str) -> None:
    with store.session() as session:
        for sample_id in sample_ids:
            for row in labels.history(session, sample_id):
                row.withdrawn_at = now()
        session.commit()


@pytest.mark.slow
def test_what_is_taken_back_is_gone_from_what_serves(
    store: Store, config: Settings, task: Task, pictures, after_a_night, learned
) -> None:
    _, ids, learner = after_a_night
    withdraw(store, learned[0])
    run = retrain.retrain(config, task)
    assert (run.verdict, Versions(config).champion(task.name)) == ("promoted", run.challenger)
    assert "were taken back or erased. This version never saw them" in run.reasons[-1]
    assert (run.figures["taken_back"], run.figures["trained_on"]) == (1, len(learned) - 1)
    assert learner not in Versions(config).candidates(task.name)  # nothing falls back to it
    assert retrain.retrain(config, task).verdict == "nothing_new"

    never = tiny_training.home(config.home / "never", task)
    answer(never, task, [item for item, sample_id in zip(pictures, ids, strict=True) if sample_id != learned[0]])
    fresh = retrain.retrain(never, task)
    versions = config.versions / task.name
    assert weights(versions / run.challenger) == weights(never.versions / task.name / fresh.challenger)
    assert weights(versions / run.challenger) != weights(versions / learner)


@pytest.mark.slow
def test_what_came_since_waits_for_a_run_of_its_own(
    store: Store, config: Settings, task: Task, pictures, learned
) -> None:
    withdraw(store, learned[0])
    answer(config, task, [(image[::-1].copy(), label) for image, label in pictures[:60]])  # left stays left
    run = retrain.retrain(config, task)
    assert (run.verdict, run.figures["trained_on"]) == ("promoted", len(learned) - 1)
    assert "level" not in run.figures  # it was no look
    with store.reading() as session:
        row = runs.last(session, task.name)
        listed = "".join(f"{entry.sample_id}\t{entry.value}\n" for entry in snapshots.of_run(session, row.id))
    assert row.snapshot == hashlib.sha256(listed.encode()).hexdigest()
    assert row.corrections == run.figures["trained_on"] + run.figures["held_out"]
    assert retrain.retrain(config, task).verdict != "nothing_new"


@pytest.mark.slow
def test_what_is_erased_while_a_run_is_at_work_leaves_its_id_alone(
    store: Store, config: Settings, task: Task, after_a_night, learned
) -> None:
    with store.session() as session:
        run = runs.last(session, task.name)
        samples.get(session, learned[0]).image = None  # the only content of its task
        session.execute(delete(SnapshotRow))
        snapshots.keep(session, run.id, [snapshots.SnapshotEntry(name, "left", snapshots.TRAIN) for name in learned])
        kept = snapshots.of_run(session, run.id)
    assert {entry.sample_id for entry in kept if entry.value == ""} == {learned[0]}


@pytest.mark.slow
def test_a_run_serves_once_its_version_was_put_into_service(store: Store, config: Settings, task: Task) -> None:
    with store.reading() as session:
        run = runs.last(session, task.name)
    versions = Versions(config)
    assert run_record.serves(store, run.id, versions)
    versions.rollback(task.name)
    assert not run_record.serves(store, run.id, versions)


@pytest.mark.slow
def test_what_is_left_does_not_make_a_version_again_that_was_taken_out_of_service(
    store: Store, config: Settings, task: Task, learned, after_a_night
) -> None:
    withdrawn, versions = "2020-01-01-n001", Versions(config)
    folder = versions.folder(task.name, withdrawn)
    shutil.copytree(versions.path(task.name, after_a_night[2]), folder)
    sidecar.write(folder, replace(sidecar.read(folder), version=withdrawn))
    with store.session() as session:
        of_night = runs.of_challenger(session, task.name, after_a_night[2])
        entries = [entry for entry in snapshots.of_run(session, of_night.id) if entry.sample_id != learned[0]]
        run_id = runs.start(session, task.name, FIRST, None, 0)
        runs.note(session, run_id, challenger=withdrawn, verdict="promoted")
        runs.finish(session, run_id, runs.DONE)
        snapshots.keep(session, run_id, entries)
        session.commit()
    versions.withdraw(task.name, withdrawn, after_a_night[2])
    withdraw(store, learned[0])
    run = retrain.retrain(config, task)
    assert (run.verdict, run.challenger, versions.champion(task.name)) == ("waiting", None, FIRST)
    assert [reason.key for reason in run.why] == ["status.night_repeats", "status.night_taken_back_worse"]


@pytest.mark.slow
def test_where_all_is_taken_back_the_base_serves_again(store: Store, config: Settings, task: Task, learned) -> None:
    withdraw(store, *learned)
    run = retrain.retrain(config, task)
    assert (run.verdict, run.challenger) == ("nothing_new", None)
    assert "nothing is left to learn" in run.reasons[0]
    assert Versions(config).champion(task.name) == FIRST


@pytest.mark.slow
def test_versions_that_learned_what_was_erased_are_refused(
    store: Store, config: Settings, task: Task, after_a_night, learned
) -> None:
    learner = after_a_night[2]
    with store.reading() as session:
        consents = list(session.scalars(select(ConsentRow).where(ConsentRow.sample_id == learned[0])))
    for consent in consents:
        retention.forget(store, consent.prediction_id)
    copy = config.versions / task.name / "copy"  # as calibrate makes one
    shutil.copytree(config.versions / task.name / learner, copy)
    sidecar.write(copy, replace(sidecar.read(copy), version="copy", temperatures={"image": 2.0}))
    with store.reading() as session:
        assert unlearning.tainted(session, Versions(config), task.name) == {learner: 1, "copy": 1}
        [erased] = [e for e in snapshots.of_run(session, runs.last(session, task.name).id) if e.sample_id == learned[0]]
        assert erased == snapshots.SnapshotEntry(learned[0], "", snapshots.TRAIN)
    Versions(config).promote(task.name, FIRST)
    for version in (None, learner, "copy"):
        with pytest.raises(Conflict):
            rollback.to(store, config, task, version)
    assert Versions(config).champion(task.name) == FIRST


@pytest.fixture
def further(config: Settings, task: Task, after_a_night) -> str:
    """A version that an engineer trained further from the one that the night made."""
    folder = config.versions / task.name / "further"
    shutil.copytree(config.versions / task.name / after_a_night[2], folder)
    by_hand = replace(sidecar.read(folder), version="further", parent=after_a_night[2], data="", created_at="2026")
    sidecar.write(folder, replace(by_hand, command="python -m mmdemo train --parent"))
    return "further"


@pytest.mark.slow
def test_what_was_trained_further_from_what_was_taken_back_is_refused_too(
    store: Store, config: Settings, task: Task, learned, further: str
) -> None:
    rollback.to(store, config, task, further)
    withdraw(store, learned[0])
    with store.reading() as session:
        assert unlearning.tainted(session, Versions(config), task.name)[further] == 1
    Versions(config).promote(task.name, FIRST)
    with pytest.raises(Conflict, match="taken back"):
        rollback.to(store, config, task, further)


@pytest.mark.slow
def test_a_night_serves_what_never_learned_it_where_its_base_did(
    store: Store, config: Settings, task: Task, learned, further: str
) -> None:
    Versions(config).promote(task.name, further)
    assert Versions(config).base(task.name) == further
    withdraw(store, learned[0])
    run = retrain.retrain(config, task)
    assert (run.verdict, run.challenger) == ("nothing_new", None) and "training starts from" in run.reasons[0]
    assert Versions(config).champion(task.name) == FIRST


@pytest.mark.slow
def test_where_every_version_that_is_left_learned_it_the_night_says_so_and_claims_nothing(
    store: Store, config: Settings, task: Task, learned, further: str
) -> None:
    Versions(config).promote(task.name, further)
    shutil.rmtree(config.versions / task.name / FIRST)
    withdraw(store, learned[0])
    run = retrain.retrain(config, task)
    assert (run.verdict, run.challenger) == ("nothing_new", None) and "every version that is left" in run.reasons[0]
    assert Versions(config).champion(task.name) == further
