"""A night from the corrections to its verdict: with a real store, real versions and a model that learns in seconds."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from annotations import retrain, status
from annotations.acquisition.strata import held_out_draw, is_held_out
from annotations.nightly import lock, version_comparison
from annotations.store import Store, open_store, runs
from mmdemo import tasks
from mmdemo.errors import Busy, CheckpointError
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Gate, Limits, Task
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Sample
from mmdemo.versions import shared_layers, sidecar
from mmdemo.versions.registry import Versions
from tests import tiny, tiny_training
from tests.tiny_training import FIRST
from tests.unit.annotations.nights import answer, other, weights

MINIMUM = 6


@pytest.fixture(scope="module")
def task(tmp_path_factory: pytest.TempPathFactory) -> Task:
    loaded = tasks.load_file(tiny_training.write_task(tmp_path_factory.mktemp("task")))
    return replace(loaded, gate=Gate(minimum=MINIMUM, held_out_share=0.3))


@pytest.fixture
def config(tmp_path: Path, task: Task) -> Settings:
    return tiny_training.home(tmp_path, task)


def folders(config: Settings, task: Task) -> set[str]:
    return {path.name for path in (config.versions / task.name).iterdir() if path.is_dir()}


def last_row(config: Settings, task: Task) -> runs.RunRow:
    store = open_store(config)
    with store.reading() as session:
        row = runs.last(session, task.name)
    store.close()
    assert row is not None
    return row


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory, task: Task, pictures):
    """A home after a night that ended well, and its run."""
    config = tiny_training.home(tmp_path_factory.mktemp("promoted"), task)
    ids = answer(config, task, pictures)
    return config, retrain.retrain(config, task), ids


@pytest.mark.slow
def test_a_better_challenger_is_served(promoted, task: Task) -> None:
    config, run, ids = promoted
    assert (run.state, run.verdict, run.champion) == ("done", "promoted", FIRST)
    assert Versions(config).champion(task.name) == run.challenger
    held_out = [sample_id for sample_id in ids if is_held_out(held_out_draw(sample_id), task.gate.held_out_share)]
    assert run.figures["held_out"] == len(held_out)
    assert sum(run.figures[name] for name in ("trained_on", "suspects", "copies")) == len(ids) - len(held_out)
    assert run.figures["challenger_accuracy"] > run.figures["champion_accuracy"]
    assert f"On {len(held_out)} corrections that neither was trained on" in run.reasons[0]
    folder = config.versions / task.name / run.challenger
    assert sidecar.read(folder).parent == FIRST
    lying = {path.stem for path in Versions(config).shared.iterdir()}  # a later release may ship other layers
    assert set(shared_layers.digests(folder).values()) == lying != set()


@pytest.mark.slow
def test_then_there_is_nothing_new_and_rollback_is_not_undone(promoted, task: Task) -> None:
    config, run, _ = promoted
    again = retrain.retrain(config, task)
    assert (again.state, again.verdict, again.challenger, again.champion) == (
        "done",
        "nothing_new",
        None,
        run.challenger,
    )
    assert "no correction has come in" in again.reasons[0]
    Versions(config).rollback(task.name)
    assert retrain.retrain(config, task).verdict == "nothing_new"
    assert Versions(config).champion(task.name) == FIRST
    assert folders(config, task) == {FIRST, run.challenger}


@pytest.mark.slow
def test_what_a_night_makes_depends_on_base_and_corrections_alone(
    config: Settings, task: Task, pictures, promoted
) -> None:
    _, at_once, _ = promoted
    answer(config, task, pictures[80:])
    earlier = retrain.retrain(config, task)
    Versions(config).promote(task.name, earlier.challenger)  # whatever its night thought of it

    answer(config, task, pictures[:80])
    later = retrain.retrain(config, task)
    assert later.champion == earlier.challenger
    assert sidecar.read(config.versions / task.name / later.challenger).parent == FIRST
    folders = [promoted[0].versions / task.name / at_once.challenger, config.versions / task.name / later.challenger]
    assert weights(folders[0]) == weights(folders[1]) != weights(config.versions / task.name / earlier.challenger)


@pytest.mark.slow
def test_a_worse_challenger_is_not_served(config: Settings, task: Task, pictures) -> None:
    def misled(sample_id: str, truth: str) -> str:
        return truth if is_held_out(held_out_draw(sample_id), task.gate.held_out_share) else other(truth)

    answer(config, task, pictures, misled)
    run = retrain.retrain(config, task)
    assert (run.state, run.verdict) == ("done", "rejected")
    assert any(reason.startswith("Rejected: its accuracy is lower") for reason in run.reasons)
    assert Versions(config).champion(task.name) == FIRST
    assert run.challenger in {info.version for info in Versions(config).list(task.name)}


@pytest.mark.slow
def test_without_corrections_there_is_nothing_new(config: Settings, task: Task) -> None:
    run = retrain.retrain(config, task)
    assert (run.verdict, run.champion, run.challenger) == ("nothing_new", FIRST, None)
    assert run.reasons == ("Nothing new: there are no corrections yet.",)


@pytest.mark.slow
def test_too_few_to_judge_by_wait_and_say_how_many_are_missing(config: Settings, task: Task, pictures) -> None:
    ids = answer(config, task, pictures[:8])
    held_out = sum(is_held_out(held_out_draw(sample_id), task.gate.held_out_share) for sample_id in ids)
    run = retrain.retrain(config, task)
    assert (run.verdict, run.challenger) == ("waiting", None)
    assert f"{MINIMUM - held_out} missing" in run.reasons[0]
    again = retrain.retrain(config, task)
    assert again.verdict == "nothing_new" and f"{MINIMUM - held_out} missing" in again.reasons[1]
    answer(config, task, pictures[8:10])
    assert retrain.retrain(config, task).verdict == "waiting"
    assert folders(config, task) == {FIRST}


@pytest.mark.slow
def test_a_run_that_fails_is_written_down_and_leaves_the_champion(config: Settings, task: Task, pictures) -> None:
    answer(config, task, pictures[:40])
    (Versions(config).path(task.name, FIRST) / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(CheckpointError):
        retrain.retrain(config, task)
    row = last_row(config, task)
    assert (row.state, row.verdict, row.challenger) == ("failed", None, None)
    assert runs.as_run(row).reasons[0].startswith("The run failed:")
    assert row.finished_at is not None
    assert Versions(config).champion(task.name) == FIRST
    assert folders(config, task) == {FIRST}


@pytest.mark.slow
def test_after_a_failed_run_the_corrections_are_still_new(config: Settings, task: Task, pictures) -> None:
    answer(config, task, pictures[:8])
    store = open_store(config)
    with store.session() as session:
        run_id = runs.start(session, task.name, FIRST, "another snapshot", 999)
        runs.finish(session, run_id, runs.FAILED)
        session.commit()
    store.close()
    assert retrain.retrain(config, task).verdict == "waiting"


@pytest.mark.slow
def test_a_run_that_was_killed_is_closed_by_the_next(config: Settings, task: Task) -> None:
    store = open_store(config)
    with store.session() as session:
        killed = runs.start(session, task.name, FIRST, None, 0)
        session.commit()
    retrain.retrain(config, task)
    with store.reading() as session:
        run = runs.as_run(runs.get(session, killed))
    store.close()
    assert run.state == "failed" and "interrupted" in run.reasons[0]


@pytest.mark.slow
def test_a_signal_that_a_library_swallowed_ends_the_night(config, task, pictures, command, monkeypatch) -> None:
    def manual_seed(_: int) -> None:  # where a training begins
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGTERM)
        raise CheckpointError("checkpoint_broken", path="weights", detail="no shape")

    answer(config, task, pictures[:40])
    later = Path(os.environ["MMDEMO_TASK_DIR"]) / "sides_later.toml"
    later.write_text(tiny_training.TASK.replace('name = "sides"', 'name = "later"'))
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    monkeypatch.setattr(torch, "manual_seed", manual_seed)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit, match="1"):
        command()
    assert signal.getsignal(signal.SIGTERM) == before
    row = last_row(config, task)
    assert row.state == "failed" and "interrupted" in runs.as_run(row).reasons[0]
    with closing(open_store(config)) as store, store.reading() as session:
        assert runs.last(session, "sentiment") and not runs.last(session, "later")  # no night begins after it


@pytest.mark.slow
def test_one_run_at_a_time(config: Settings, task: Task) -> None:
    with lock.night(config), pytest.raises(Busy) as refused:
        retrain.retrain(config, task)
    assert refused.value.exit_code == 75


@pytest.mark.slow
def test_no_session_is_open_while_it_works(config: Settings, task: Task, pictures, monkeypatch) -> None:
    """Another writer gets in at once at any moment of the training: SQLite has one writer's lock."""
    answer(config, task, pictures[:40])
    other_store = open_store(config, busy_ms=1)
    monkeypatch.setattr(torch, "manual_seed", _writing(other_store, torch.manual_seed))
    retrain.retrain(config, task)
    with other_store.session() as session:
        assert runs.last_sync(session, "sides")  # it was asked, and wrote
    other_store.close()


def _writing(store: Store, seeded: Callable) -> Callable:
    def manual_seed(seed: int):
        with store.session() as session:
            runs.add_sync(session, "sides", "page", 0, 0)
            session.commit()
        return seeded(seed)

    return manual_seed


@pytest.mark.slow
def test_a_version_served_meanwhile_is_not_pushed_aside(config: Settings, task: Task, pictures, monkeypatch) -> None:
    answer(config, task, pictures[:40])
    versions, seeded, second = Versions(config), torch.manual_seed, "2026-01-02-n001"
    shutil.copytree(versions.path(task.name, FIRST), versions.folder(task.name, second))
    about = sidecar.read(versions.folder(task.name, second))
    sidecar.write(versions.folder(task.name, second), replace(about, version=second))

    def manual_seed(seed: int):
        versions.promote(task.name, second)
        return seeded(seed)

    monkeypatch.setattr(torch, "manual_seed", manual_seed)
    run = retrain.retrain(config, task)
    assert run.verdict == "rejected" and f"{second} was put into service" in run.reasons[-1]
    assert versions.champion(task.name) == second


@pytest.mark.slow
def test_a_clip_without_speech_is_judged_by_nobody(tmp_path: Path) -> None:
    task = replace(tiny.task(tmp_path, ("audio",)), limits=Limits(speech=True))
    config = Settings(home=tmp_path / "home")
    versions = Versions(config)
    for name, seed in (("first", 0), ("second", 1)):
        tiny.version(versions.folder(task.name, name), task, name, seed, temperatures={"audio": 1e-3})
    spoken = next(example.audio for example in tasks.get("speech_emotion").examples)
    humming = np.sin(np.arange(16_000) * 0.1).astype(np.float32)
    said = Predictor(task, "first", config).predict(Sample(audio=spoken)).label
    rows = Row("spoken", Sample(audio=spoken), said), Row("hummed", Sample(audio=(humming, 16_000)), said)
    first, second = (
        version_comparison.answers_of(task, name, config, version_comparison.ComparisonSamples(rows))
        for name in ("first", "second")
    )
    comparison = version_comparison.compare(task, first, second)
    assert (comparison.held_out, comparison.figures[0].champion) == (1, 1.0)


@pytest.fixture
def command(task: Task, tmp_path: Path, monkeypatch) -> Callable[..., int]:
    """The command line over a home with one further task, which is called like the others."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    (folder / "sides.toml").write_text(tiny_training.TASK + f"[gate]\nminimum = {MINIMUM}\n")
    monkeypatch.setenv("MMDEMO_TASK_DIR", str(folder))
    return lambda *words: retrain.main(words)


@pytest.mark.slow
def test_the_command_prints_what_the_contract_says(
    config: Settings, task, pictures, command, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    answer(config, task, pictures[:4])
    assert command("--json") == 0
    fields = {entry["task"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert set(fields) >= {"sides", "sentiment", "speech_emotion"}
    assert set(fields["sides"]) >= {"task", "verdict", "reason", "champion", "challenger", "figures"}
    assert (fields["sides"]["verdict"], fields["sentiment"]["verdict"]) == ("waiting", "nothing_new")
    assert fields["sides"]["champion"] == FIRST
    assert command("--task", "sides") == 0
    assert "sides: nothing_new" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize(("words", "code"), [(("--task", "nosuch"), 2), (("--help",), 0), (("--nosuch",), 2)])
def test_wrong_use_is_two(command, words, code: int, capsys) -> None:
    try:
        exit_code = command(*words)
    except SystemExit as end:
        exit_code = end.code
    said = capsys.readouterr()
    assert exit_code == code
    assert said.err if code else said.out


@pytest.mark.slow
def test_while_another_run_holds_the_lock_the_command_says_try_later(config, command, monkeypatch, capsys) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    with lock.night(config):
        assert command("--task", "sides") == 75
    assert "already at work" in capsys.readouterr().err


@pytest.mark.slow
def test_what_is_known_is_printed_where_a_later_task_cannot_have_its_night(
    config: Settings, command, monkeypatch, capsys
) -> None:
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    (config.versions / "speech_emotion" / "champion").mkdir(parents=True)  # a folder where a file should be
    assert command("--json") == 1
    said = capsys.readouterr()
    assert [entry["task"] for entry in json.loads(said.out)] == ["sentiment"]
    assert "champion cannot be read" in said.err


@pytest.mark.slow
def test_status_shows_the_verdict(promoted, task: Task) -> None:
    config, _, _ = promoted
    store = open_store(config)
    shown = status.of(store, config, task)
    store.close()
    assert shown.last_retrain is not None and shown.last_retrain.verdict == "nothing_new"
    assert [info.parent for info in shown.versions] == [FIRST, None]
