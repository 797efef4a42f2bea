"""An alarm suspends what goes out unasked until a person ends it; thresholds of here serve once they stand."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from annotations import __main__ as command_line
from annotations import promises, review_queue, status
from annotations.acquisition import strata
from annotations.acquisition.audits import AuditSchedule
from annotations.panel import asking, upkeep
from annotations.review_queue import retention
from annotations.store import Store, panel
from mmdemo import tasks
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Gate
from mmdemo.tasks.audits import Audits
from mmdemo.ui.shell import render
from mmdemo.ui.status import status_view
from mmdemo.values.promise import (
    ASKED_ALWAYS,
    HERE,
    SHIPPED,
    Alarm,
    AlarmAbout,
    LocalRule,
    PromiseOutcome,
    PromiseRecord,
    SubsetPromise,
)
from mmdemo.values.samples import Sample
from mmdemo.versions import local_rules
from mmdemo.versions.registry import Versions
from tests import tiny
from tests.statements import statements
from tests.unit.annotations import sentiment
from tests.unit.annotations.panel_home import RIGHT, TASK, WRONG, send


@pytest.fixture
def home(config: Settings, store: Store, tmp_path: Path) -> Settings:
    """A home whose champion "v1" promises nothing yet."""
    tiny.version(Versions(config).folder(TASK.name, "v1"), TASK, name="v1")
    Versions(config).promote(TASK.name, "v1")
    return config


def serving(config: Settings) -> tuple[str, float]:
    """Return of whom the threshold for captions speaks, and that threshold."""
    promise = promises.of(config, TASK)
    assert promise is not None
    return promise.population, promise.thresholds["text"]


def test_the_threshold_of_here_serves_as_soon_as_it_stands(store: Store, home: Settings) -> None:
    for number in range(30):
        send(store, number)
    upkeep.look(store, home, TASK)
    assert serving(home) == (SHIPPED, TASK.threshold)
    for number in range(30, 80):
        send(store, number)
    upkeep.look(store, home, TASK)
    population, threshold = serving(home)
    assert population == HERE and threshold < 0.9
    assert promises.of(home, TASK).stands  # type: ignore[union-attr]


def test_too_many_wrong_checks_raise_an_alarm_that_survives_and_is_ended_by_a_person(
    store: Store, home: Settings
) -> None:
    for number in range(40):
        send(store, number, said=WRONG if number % 2 else RIGHT)
    rule = upkeep.look(store, home, TASK)
    assert rule.alarm is not None and rule.alarm.about == AlarmAbout.ERRORS and rule.alarm.wrong == 20
    assert local_rules.read(home, TASK.name) == rule == upkeep.look(store, home, TASK)  # it stands until it is ended
    assert serving(home)[1] == ASKED_ALWAYS
    lines = list(promises.of(home, TASK).lines())  # type: ignore[union-attr]
    assert "20 were wrong" in lines[0] and f"recalibrate --task {TASK.name}" in lines[1]
    ended = upkeep.recalibrate(store, home, TASK)
    assert ended.alarm is None and ended.doubted and serving(home)[1] == ASKED_ALWAYS  # nothing has come since
    for number in range(40, 100):
        send(store, number)
    upkeep.look(store, home, TASK)
    assert serving(home)[0] == HERE and serving(home)[1] < ASKED_ALWAYS


def test_a_false_alarm_is_dismissed_and_all_is_as_before(store: Store, home: Settings) -> None:
    for number in range(40):
        send(store, number, said=WRONG)
    upkeep.look(store, home, TASK)
    rule = upkeep.recalibrate(store, home, TASK, dismiss=True)
    assert rule.alarm is None and not rule.doubted and rule.watched_since
    assert upkeep.look(store, home, TASK).alarm is None  # what brought it does not bring it again


def test_other_inputs_raise_an_alarm_without_a_single_answer_of_people(store: Store, home: Settings) -> None:
    for number in range(60):
        send(store, number, confidence=0.9 + number * 37 % 60 / 1000, said=None)
    assert upkeep.look(store, home, TASK).alarm is None
    for number in range(60, 90):
        send(store, number, confidence=0.7, said=None)
    rule = upkeep.look(store, home, TASK)
    assert rule.alarm is not None and rule.alarm.about == AlarmAbout.INPUTS


def test_a_task_that_promises_nothing_is_not_watched(store: Store, home: Settings) -> None:
    task = replace(TASK, promise=None)
    for number in range(40):
        send(store, number, said=WRONG, task=task)
    assert upkeep.look(store, home, task) == LocalRule() and promises.of(home, task) is None


def test_after_an_alarm_more_is_checked_again(store: Store, home: Settings) -> None:
    task = replace(TASK, audit_share=0.02, audits=Audits(until=20))
    for number in range(40):
        send(store, number, said=WRONG)
    schedule = AuditSchedule(store, home)
    assert schedule.share(task) == 0.02
    upkeep.look(store, home, TASK)
    upkeep.recalibrate(store, home, TASK)
    assert schedule.share(task) == 0.2


def test_the_status_says_how_good_it_is_here_and_that_it_is_suspended(store: Store, home: Settings) -> None:
    for number in range(40):
        send(store, number, said=WRONG)
    upkeep.look(store, home, TASK)
    stands = status.of(store, home, TASK)
    assert stands.live is not None and (stands.live.samples, stands.live.right.part) == (40, 0)
    shown = render.html("status_cards", "en", view=status_view.view(stands, TASK, False, "en"))
    assert "Alarm: what goes out unasked" in shown and "How good it is at what is sent here" in shown


def test_what_was_erased_counts_as_unanswered(store: Store, home: Settings) -> None:
    ids = [send(store, number) for number in range(10)]
    retention.erase(store, ids[4])
    with store.reading() as session:
        members = panel.members(session, TASK.name, "v1")
    assert len(members) == 10 and [member.label for member in members].count(None) == 1
    assert upkeep.figures(store, home, TASK, promises.of(home, TASK), "v1").unanswered == 1


def test_the_version_that_serves_is_judged_by_its_own_answers(store: Store, home: Settings) -> None:
    for number in range(5):
        send(store, number, version="v0")
    with store.reading() as session:
        assert panel.members(session, TASK.name, "v1") == []
        assert len(panel.unanswered_by(session, TASK.name, "v1")) == 5
        assert panel.unanswered_by(session, TASK.name, "v0") == []


def test_a_damaged_rule_asks_about_everything(home: Settings) -> None:
    local_rules.path(home, TASK.name).write_text("{", "utf-8")
    assert serving(home)[1] == ASKED_ALWAYS


@pytest.fixture
def tiny_home(config: Settings, tmp_path: Path) -> tuple[Settings, str]:
    """A home whose champion is a real version of a task with a promise, and the task's name."""
    path = tiny.write_task(tmp_path / "tasks", ("image", "text"))
    promise = "promise = { error = 0.1, sure = 0.95 }\nthreshold"
    path.write_text(path.read_text("utf-8").replace("threshold", promise), "utf-8")
    config = replace(config, task_dir=tmp_path / "tasks")
    task = tasks.load_file(path)
    tiny.version(Versions(config).folder(task.name, "v1"), task, name="v1")
    Versions(config).promote(task.name, "v1")
    return config, task.name


def test_what_serves_asks_as_the_rule_of_this_home_says(tiny_home: tuple[Settings, str]) -> None:
    config, name = tiny_home
    task = tasks.get(name, config.task_dir)
    predictor, pinned = Predictor(task, None, config), Predictor(task, "v1", config)
    sample = Sample(text="the dog")
    before = predictor.predict(sample)
    assert (before.threshold, before.promise) == (task.threshold, None)
    stands = SubsetPromise(PromiseOutcome.STANDS, 100, threshold=0.3, accepted=90)
    assert task.promise is not None
    record = PromiseRecord(task.promise, {"text": stands}, population=HERE)
    local_rules.write(config, name, LocalRule("v1", record))
    here = predictor.predict(sample)
    assert here.threshold == 0.3 and here.promise is not None and here.promise.population == HERE
    assert pinned.predict(sample).threshold == task.threshold  # asked for by name: it serves nobody
    local_rules.write(config, name, LocalRule("v1", record, alarm=Alarm(AlarmAbout.INPUTS, "2026-01-01", 40)))
    suspended = predictor.predict(sample)
    assert (suspended.threshold, suspended.promise, suspended.flagged) == (ASKED_ALWAYS, None, True)
    assert "suspended" in suspended.notes
    assert strata.of(suspended, task, share=0.0).in_panel == (
        strata.held_out_draw(suspended.sample_id) < task.gate.held_out_share
    )
    local_rules.write(config, name, LocalRule("v0", record))
    assert predictor.predict(sample).threshold == task.threshold  # another version's


def test_a_version_that_serves_from_now_on_answers_the_whole_panel(
    store: Store, tiny_home: tuple[Settings, str]
) -> None:
    config, name = tiny_home
    task = replace(tasks.get(name, config.task_dir), gate=Gate(held_out_share=1.0))
    ids = {}
    for caption in ("the dog", "the bad dog", "a cat"):
        inputs = sentiment.inputs(caption)
        answer = replace(sentiment.prediction(inputs, 0.9, "v0", task), flagged=True, reason="audit")
        sample_id, prediction_id = review_queue.offer(store, task, inputs, answer, share=1.0)
        ids[sample_id] = caption
    retention.forget(store, prediction_id)
    assert [asking.catch_up(store, config, task).written for _ in range(2)] == [2, 0]
    with store.reading() as session:
        answered = {member.sample_id: member.value for member in panel.members(session, name, "v1")}
    version = Predictor(task, "v1", config)
    kept = {sample_id: caption for sample_id, caption in ids.items() if caption != "a cat"}
    assert answered == {sample_id: version.predict(Sample(text=caption)).label for sample_id, caption in kept.items()}


def test_what_a_version_cannot_be_judged_by_is_named(store: Store, tiny_home: tuple[Settings, str]) -> None:
    config, name = tiny_home
    task = replace(tasks.get(name, config.task_dir), gate=Gate(held_out_share=1.0))
    ids = []
    for caption in ("the dog", "the bad dog"):
        inputs = sentiment.inputs(caption)
        answer = replace(sentiment.prediction(inputs, 0.9, "v0", task), flagged=True, reason="audit")
        ids.append(review_queue.offer(store, task, inputs, answer, share=1.0)[0])
    judged = asking.catch_up(store, config, replace(task, limits=replace(task.limits, text_chars=8)))
    assert (judged.written, [one.sample_id for one in judged.left_out]) == (1, ids[1:])


def test_the_commands_say_how_it_stands_and_end_an_alarm(
    store: Store, tiny_home: tuple[Settings, str], monkeypatch, capsys
) -> None:
    config, name = tiny_home
    monkeypatch.setenv("MMDEMO_HOME", str(config.home))
    monkeypatch.setenv("MMDEMO_TASK_DIR", str(config.task_dir))
    local_rules.write(config, name, LocalRule(alarm=Alarm(AlarmAbout.ERRORS, "2026-01-01T00:00:00+00:00", 40, 20)))
    assert command_line.main(["promise", "--task", name, "--json"]) == 0
    [entry] = json.loads(capsys.readouterr().out)
    assert entry["alarm"]["wrong"] == 20 and entry["live"]["samples"] == 0
    assert set(entry["thresholds"].values()) == {1.0} and entry["stands"] is False
    assert command_line.main(["recalibrate", "--task", name]) == 0
    assert "suspended, everything is asked" in capsys.readouterr().out
    assert command_line.main(["recalibrate", "--task", name, "--dismiss"]) == 0
    assert "suspended" not in capsys.readouterr().out


def test_to_look_at_the_panel_nothing_that_models_said_at_length_is_read(store: Store, home: Settings) -> None:
    for number in range(3):
        send(store, number)
    with statements(store) as sent:
        upkeep.look(store, home, TASK)
    asked = [statement.words.partition("FROM")[0] for statement in sent]
    assert asked and not any("prediction" in columns for columns in asked)


def test_what_did_not_change_is_not_looked_at_again(store: Store, home: Settings) -> None:
    def asked() -> int:
        with statements(store) as sent:
            upkeep.look(store, home, TASK)
            upkeep.figures(store, home, TASK, None, "v1")
        return sum("panel_answers" in one.words for one in sent)

    for number in range(3):
        send(store, number)
    assert (asked(), asked(), asked()) == (2, 1, 0)  # the first look wrote the rule, and so the second is at another
    send(store, 3)
    assert (asked(), asked(), asked()) == (2, 1, 0)
    assert upkeep.figures(store, home, TASK, None, "v1").samples == 4
