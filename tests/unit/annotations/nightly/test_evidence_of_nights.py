"""A night whose corrections could not show that a version is better trains nothing, and says what is missing."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from annotations import retrain, review_queue, status
from annotations.nightly import gate, looks
from annotations.schema import now
from annotations.store import open_store, runs
from mmdemo import tasks
from mmdemo.decode import decode
from mmdemo.settings import Settings
from mmdemo.tasks import Gate, Task
from mmdemo.values.samples import Sample
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations import sentiment as given
from tests.unit.annotations.test_retrain import answer


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return replace(tasks.load_file(tiny_training.write_task(tmp_path)), gate=Gate(minimum=6, held_out_share=0.3))


@pytest.fixture
def config(tmp_path: Path, task: Task) -> Settings:
    """A home with forty corrections of doubtful answers."""
    config = tiny_training.home(tmp_path, task)
    answer(config, task, tiny_training.drawn(tmp_path)[:40])
    return config


def looked(config: Settings, task: Task, held_out: int) -> None:
    """Write down that a night compared two versions on so many corrections, and promoted nobody."""
    with closing(open_store(config)) as store, store.session() as session:
        run_id = runs.start(session, task.name, FIRST, None, 0)
        figures = {looks.SIZE: float(held_out), looks.LEVEL: 0.01}
        columns = {"verdict": gate.WAITING, "challenger": "2026-01-02-n001", "figures": figures}
        runs.finish(session, run_id, runs.DONE, **columns)
        session.commit()


@pytest.mark.slow
def test_what_was_looked_at_is_not_looked_at_again_before_it_has_grown_by_a_fifth(config: Settings, task: Task) -> None:
    with closing(open_store(config)) as store:
        held_out = status.of(store, config, task).held_out
        looked(config, task, held_out)
        run = retrain.retrain(config, task)
        assert (run.verdict, run.challenger) == (gate.WAITING, None)
        assert run.why[0].key == "status.night_next_look"
        shown = status.of(store, config, task)
    assert run.figures["next_look"] == shown.held_out_needed == looks.next_size([looks.Look(now(), held_out, 0.01)])
    assert shown.last_retrain is not None and shown.last_retrain.figures == run.figures


@pytest.mark.slow
def test_without_checks_of_sure_answers_nothing_is_compared(config: Settings, task: Task, tmp_path: Path) -> None:
    with closing(open_store(config)) as store:
        inputs = decode(Sample(image=Image.new("RGB", (32, 32), "red")), task)
        review_queue.offer(store, task, inputs, given.prediction(inputs, 0.99, FIRST, task))  # sure, and not drawn
    run = retrain.retrain(config, task)
    assert (run.verdict, run.why[0].key) == (gate.WAITING, "status.night_few_checks")
    with closing(open_store(config)) as store:
        missing = status.of(store, config, task).checks_missing
    assert run.figures["checks_missing"] == missing == gate.CHECKS_NEEDED


@pytest.mark.slow
def test_a_task_that_checks_no_sure_answer_never_promotes(config: Settings, task: Task) -> None:
    run = retrain.retrain(config, replace(task, audit_share=0.0))
    assert (run.verdict, run.why[0].key) == (gate.WAITING, "status.night_no_checks")
