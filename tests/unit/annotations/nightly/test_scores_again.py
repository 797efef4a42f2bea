"""Whatever puts another version into service, what waits is scored by it: the night, going back, and by hand."""

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from annotations import __main__ as command
from annotations import retrain, review_queue, status
from annotations.acquisition import rescoring
from annotations.nightly import lock
from annotations.review_queue import predictions
from annotations.store import open_store, samples
from mmdemo import tasks
from mmdemo.decode import decode
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Gate, Task
from mmdemo.values.samples import Inputs, Sample
from mmdemo.versions.registry import Versions
from tests import tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations.test_retrain import answer

SECOND = "2026-01-02-n001"


@pytest.fixture
def task(tmp_path: Path, monkeypatch) -> Task:
    monkeypatch.setenv("MMDEMO_TASK_DIR", str(tmp_path))
    return replace(tasks.load_file(tiny_training.write_task(tmp_path)), gate=Gate(minimum=6, held_out_share=0.3))


@pytest.fixture
def config(task: Task, tmp_path: Path, monkeypatch) -> Settings:
    """A home with an untrained champion, and another untrained version beside it."""
    config = tiny_training.home(tmp_path, task)
    tiny_training.untrained(config, task, SECOND, 1)
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    return replace(config, task_dir=tmp_path)


@pytest.fixture
def pictures(tmp_path: Path) -> list[tuple[np.ndarray, str]]:
    return tiny_training.drawn(tmp_path)


def wait_for(config: Settings, task: Task, pictures: list[np.ndarray]) -> dict[str, Inputs]:
    """Queue pictures as the first version answered them, none of which judges versions; return id → input."""
    champion, offered = Predictor(task, FIRST, config), {}
    with closing(open_store(config)) as store:
        for picture in pictures:
            inputs = decode(Sample(image=Image.fromarray(picture)), task)
            prediction = replace(champion.predict_inputs(inputs, "default"), flagged=True, reason="low_confidence")
            offered[review_queue.offer(store, task, inputs, prediction, share=0.0)[0]] = inputs
    return offered


def shown(config: Settings, task: Task, offered: dict[str, Inputs]) -> set[str]:
    """Check that every sample that waits shows what one version says of it, first what that doubts; return whose."""
    with closing(open_store(config)) as store, store.reading() as session:
        rows = samples.waiting(session, task.name)
    assert {row.sample_id for row in rows} == set(offered)
    assert {row.model_version for row in rows} == {FIRST}
    confidences = []
    for row in rows:
        guess = predictions.guess_shown(row)
        said = Predictor(task, guess.model_version, config).predict_inputs(offered[row.sample_id])
        assert (guess.value, guess.confidence) == (said.label, pytest.approx(said.confidence, abs=1e-5))
        assert row.scored_by == guess.model_version
        confidences.append(guess.confidence)
    assert confidences == sorted(confidences)
    return {row.scored_by for row in rows}


@pytest.mark.slow
def test_a_night_that_promotes_scores_again_and_names_what_it_cannot_read(
    config: Settings, task: Task, pictures, capsys
) -> None:
    answer(config, task, pictures)
    fresh = [np.rot90(picture).copy() for picture, _ in pictures[:6]]
    offered = wait_for(config, task, fresh)
    damaged = next(iter(offered))
    with closing(open_store(config)) as store, store.reading() as session:
        (config.media / samples.get(session, damaged).image).write_bytes(b"no picture")
    run = retrain.retrain(config, task)
    assert run.verdict == "promoted" and "5 open sample(s) were scored again" in capsys.readouterr().err
    with closing(open_store(config)) as store:
        with store.reading() as session:
            rows = samples.waiting(session, task.name)
        last = status.of(store, config, task).last_retrain
    assert {row.scored_by: row.sample_id == damaged for row in rows} == {run.challenger: False, FIRST: True}
    assert last is not None and last.why == run.why and run.why[-1].key == "status.not_scored_again"
    assert damaged[:12] in run.reasons[-1]
    again = retrain.retrain(config, task)  # nothing new, and it is still named
    assert (again.verdict, again.why[-1].key) == ("nothing_new", "status.not_scored_again")


@pytest.mark.slow
def test_going_back_and_forth_scores_again(config: Settings, task: Task, pictures, capsys) -> None:
    offered = wait_for(config, task, [picture for picture, _ in pictures[:5]])
    assert shown(config, task, offered) == {FIRST}
    for words, version, scored in ((["--to", SECOND], SECOND, 5), ([], FIRST, 5), (["--to", SECOND], SECOND, 5)):
        assert command.main(["rollback", "--task", task.name, *words, "--json"]) == 0
        value = json.loads(capsys.readouterr().out)
        assert value == {"task": task.name, "version": version, "scored": scored, "not_scored": [], "not_judged_by": []}
        assert shown(config, task, offered) == {version}


@pytest.mark.slow
def test_it_is_done_by_hand_where_a_version_came_to_serve_otherwise(
    config: Settings, task: Task, pictures, capsys
) -> None:
    offered = wait_for(config, task, [picture for picture, _ in pictures[:5]])
    Versions(config).promote(task.name, SECOND)
    with lock.night(config):
        assert command.main(["rescore", "--task", task.name]) == 75
        assert command.main(["rollback", "--task", task.name]) == 0  # the run that is at work scores
        assert shown(config, task, offered) == {FIRST}
    Versions(config).promote(task.name, SECOND)
    capsys.readouterr()
    assert command.main(["rescore", "--task", task.name]) == 0
    assert "5 open sample(s) were scored again" in capsys.readouterr().out
    assert shown(config, task, offered) == {SECOND}


@pytest.mark.slow
def test_a_version_that_does_not_load_leaves_the_guesses_of_the_one_that_stands_in(
    config: Settings, task: Task, pictures
) -> None:
    offered = wait_for(config, task, [picture for picture, _ in pictures[:3]])
    Versions(config).promote(task.name, SECOND)
    weights = Versions(config).path(task.name, SECOND) / "model.safetensors"
    weights.write_bytes(b"no weights")
    assert retrain.retrain(config, task).verdict == "nothing_new"
    assert shown(config, task, offered) == {FIRST}  # which stands in
    with closing(open_store(config)) as store:
        assert rescoring.run(store, config, task) == rescoring.Rescored()
