"""The callables that the page is handed, over a real store and a predictor that answers by rule."""

import csv
import io
import json
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from annotations import review_queue
from annotations.loop import Loop
from annotations.schema import now
from annotations.store import open_store, runs, tallies
from mmdemo import tasks
from mmdemo.errors import CheckpointError, Conflict, StorageError, UnknownName
from mmdemo.settings import Settings
from mmdemo.values.analysis import MapRequest
from mmdemo.values.review import SampleState
from mmdemo.values.samples import Inputs
from tests.statements import statements
from tests.unit.annotations import sentiment
from tests.unit.annotations.sentiment import RulePredictor
from tests.waiting import wait_until

DOUBTFUL, SURE = Inputs(text="who knows"), Inputs(text="surely fine")


def test_without_leave_to_keep_nothing_is_stored_and_the_database_asked_nothing(loop: Loop) -> None:
    with statements(loop._store) as sent:
        answer = loop.predict("sentiment", DOUBTFUL, "none", False)[0]
    assert (answer.flagged, answer.prediction_id, sent) == (True, None, [])
    assert sum(loop.status("sentiment").states.values()) == 0


def test_a_closer_look_stores_nothing(loop: Loop) -> None:
    forward = loop.forward("sentiment", DOUBTFUL)
    assert loop.study("sentiment", forward).maps[0].text is not None
    assert loop.weigh("sentiment", forward, MapRequest("relevance", "positive")).contributions.target == "positive"
    assert loop.what_if("sentiment", forward, [0], [])["positive"] == 0.5
    assert sum(loop.status("sentiment").states.values()) == 0


def test_what_is_alike_comes_from_examples_and_for_reviewers_from_corrections(loop: Loop) -> None:
    answer = loop.predict("sentiment", DOUBTFUL, "none", True)[0]
    loop.correct(answer.sample_id, "neutral", "Ann", "")
    asked = "sentiment", loop.forward("sentiment", Inputs(text="who else knows")), 50
    mine, theirs = (loop.alike(*asked, reviewer) for reviewer in (True, False))
    assert {near.source for near in theirs.nearest} == {"examples"}
    assert {near.id for near in mine.nearest} - {near.id for near in theirs.nearest} == {answer.sample_id}
    loop.forget(str(answer.prediction_id))
    assert {near.source for near in loop.alike(*asked, True).nearest} == {"examples"}


def test_a_doubtful_answer_is_queued_with_the_explanation_that_was_served(loop: Loop) -> None:
    answer = loop.predict("sentiment", DOUBTFUL, "default", True)[0]
    [item] = loop.queue("sentiment", 10)
    assert (item.sample_id, item.state, item.text, item.reason) == (
        answer.sample_id,
        "queued",
        "who knows",
        "low_confidence",
    )
    shown = loop.item(item.sample_id)
    assert shown.prediction == replace(answer, prediction_id=None)
    assert shown.corrections == ()


def test_a_confident_answer_leaves_a_row_that_its_sender_can_take_back(loop: Loop) -> None:
    answer = loop.predict("sentiment", SURE, "none", True)[0]
    assert loop.status("sentiment").states["unflagged"] == 1
    assert loop.queue("sentiment", 10) == []
    loop.forget(answer.prediction_id)
    with pytest.raises(UnknownName):
        loop.forget(answer.prediction_id)


@pytest.fixture
def audited(config: Settings, empty_home: Path, tmp_path: Path) -> Iterator[Loop]:
    """A loop whose audit draws every sure answer."""
    shutil.copytree(empty_home, config.home)
    text = (tasks.SHIPPED / "sentiment.toml").read_text("utf-8").replace("audit_share = 0.02", "audit_share = 1.0")
    (tmp_path / "sentiment.toml").write_text(text[: text.find("[[examples]]")], "utf-8")
    loop = Loop(replace(config, task_dir=tmp_path), RulePredictor)
    yield loop
    loop.close()


def test_the_audit_asks_about_confident_answers_that_may_be_kept(audited: Loop) -> None:
    assert audited.predict("sentiment", SURE, "none", False)[0].flagged is False
    answer = audited.predict("sentiment", SURE, "none", True)[0]
    assert (answer.flagged, answer.reason, answer.confidence) == (True, "audit", 0.9)
    assert [item.reason for item in audited.queue("sentiment", 10)] == ["audit"]


def test_what_is_kept_after_its_visitor_said_yes_is_the_answer_that_was_given(
    loop: Loop, predictors: dict[str, RulePredictor]
) -> None:
    answer = loop.predict("sentiment", DOUBTFUL, "default", False)[0]
    predictors["sentiment"].version = "v2"  # another version has come to serve meanwhile
    kept = loop.keep(DOUBTFUL, answer)
    assert replace(kept, prediction_id=None) == answer
    shown = loop.item(answer.sample_id)
    assert (shown.prediction, shown.prediction.model_version) == (answer, "v1")
    assert (shown.item.text, shown.item.reason, shown.item.state) == ("who knows", "low_confidence", "queued")
    loop.forget(str(kept.prediction_id))
    assert loop.queue("", 10) == []


def test_a_sure_answer_that_the_audit_draws_is_kept_as_one_after_a_yes(audited: Loop) -> None:
    answer = audited.predict("sentiment", SURE, "default", False)[0]
    assert (answer.flagged, audited.audit(answer)) == (False, 1.0)
    kept = audited.keep(SURE, answer, audit=1.0)
    assert (kept.flagged, kept.reason, kept.confidence) == (True, "audit", answer.confidence)
    assert [(item.reason, item.text) for item in audited.queue("sentiment", 10)] == [("audit", "surely fine")]
    doubtful = audited.predict("sentiment", DOUBTFUL, "default", False)[0]
    assert audited.audit(doubtful) is None  # it is asked about anyway


def test_a_dispute_of_an_answer_that_was_given_grows_under_its_id(loop: Loop) -> None:
    answer = loop.predict("sentiment", DOUBTFUL, "default", False)[0]
    first = loop.keep(DOUBTFUL, answer)
    second = loop.keep(DOUBTFUL, answer, "negative", first.prediction_id)
    assert second.prediction_id == first.prediction_id
    [item] = loop.queue("", 10)
    assert (item.suggested, item.reason) == ("negative", "disputed")
    with pytest.raises(UnknownName):
        loop.keep(DOUBTFUL, answer, "splendid")


def test_an_answer_is_never_kept_with_another_sample(loop: Loop) -> None:
    answer = loop.predict("sentiment", DOUBTFUL, "default", False)[0]
    with pytest.raises(AssertionError):
        loop.keep(SURE, answer)
    assert sum(loop.status("sentiment").states.values()) == 0


def test_a_suggestion_is_queued_and_confirmed_by_a_person(loop: Loop) -> None:
    sample_id = loop.suggest("sentiment", SURE, "negative").sample_id
    [item] = loop.queue("", 10)
    assert (item.sample_id, item.suggested, item.reason) == (sample_id, "negative", "disputed")
    assert loop.status("sentiment").by_label == {"negative": 0, "neutral": 0, "positive": 0}
    loop.correct(sample_id, "negative", "Ann", "")
    assert loop.status("sentiment").by_label == {"negative": 1, "neutral": 0, "positive": 0}


def test_a_suggestion_is_taken_back_under_the_id_of_its_answer(loop: Loop) -> None:
    mine, strangers = (loop.predict("sentiment", SURE, "none", True)[0].prediction_id for _ in range(2))
    assert loop.suggest("sentiment", SURE, "negative", mine).prediction_id == mine
    loop.forget(mine)
    assert (loop.queue("", 10), loop.status("sentiment").states[tallies.FORGOTTEN]) == ([], 1)
    loop.forget(strangers)


def test_a_dispute_of_an_answer_that_was_not_kept_can_be_taken_back_too(loop: Loop) -> None:
    kept = loop.suggest("sentiment", SURE, "negative")
    loop.forget(kept.prediction_id)
    assert loop.queue("", 10) == []


def test_what_waits_for_a_task_that_is_not_loaded_is_left_out_and_counted(loop: Loop, config: Settings) -> None:
    own = replace(sentiment.TASK, name="own")
    store = open_store(config)
    for sample in (sentiment.inputs("one"), sentiment.inputs("two")):
        sample_id, _ = review_queue.offer(store, own, sample, sentiment.prediction(sample, task=own))
    store.close()
    answer = loop.predict("sentiment", DOUBTFUL, "none", True)[0]
    assert [item.sample_id for item in loop.queue("", 10)] == [answer.sample_id]
    assert loop.left_out() == {"own": 2}
    with pytest.raises(UnknownName, match='no task named "own"'):
        loop.item(sample_id)


def test_what_nobody_answered_in_time_is_erased_in_the_background(config: Settings) -> None:
    store = open_store(config)
    with store.session() as session:
        session.add_all([sentiment.row(at=now() - timedelta(days=config.retention_days + 1)), sentiment.row("1" * 64)])
        session.commit()
    loop = Loop(config, RulePredictor)
    loop.tend()
    assert wait_until(lambda: tallies.FORGOTTEN in loop.status("sentiment").states)
    loop.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "tend"]
    store.close()


def test_review_goes_forth_and_back(loop: Loop) -> None:
    ids = [loop.predict("sentiment", Inputs(text=text), "none", True)[0].sample_id for text in ("one", "two", "three")]
    loop.skip(ids[0], "Ann")
    loop.unsure(ids[1], "Ann")
    loop.correct(ids[2], "neutral", "Ann", "")
    assert loop.queue("sentiment", 10) == []
    assert [loop.undo("Ann") for _ in range(4)] == [ids[2], ids[1], ids[0], None]
    assert len(loop.queue("sentiment", 2)) == 2


@pytest.mark.parametrize(
    "act",
    [
        lambda loop: loop.predict("nosuch", DOUBTFUL, "none", True),
        lambda loop: loop.suggest("nosuch", DOUBTFUL, "negative"),
        lambda loop: loop.forward("nosuch", DOUBTFUL),
        lambda loop: loop.queue("nosuch", 10),
        lambda loop: loop.status("nosuch"),
        lambda loop: loop.train("nosuch"),
        lambda loop: loop.export("nosuch", "csv"),
        lambda loop: loop.export_queue("nosuch", "csv"),
    ],
)
def test_an_unknown_task_is_refused_everywhere(loop: Loop, act: Callable[[Loop], object]) -> None:
    with pytest.raises(UnknownName, match="sentiment"):
        act(loop)


def test_what_is_called_by_no_known_name_is_refused_and_nothing_is_stored(loop: Loop) -> None:
    with pytest.raises(UnknownName):
        loop.predict("sentiment", DOUBTFUL, "nosuch", True)
    with pytest.raises(UnknownName):
        loop.suggest("sentiment", DOUBTFUL, "splendid")
    assert sum(loop.status("sentiment").states.values()) == 0


def test_a_forgotten_sample_is_not_shown(loop: Loop) -> None:
    answer = loop.predict("sentiment", DOUBTFUL, "none", True)[0]
    loop.forget(answer.prediction_id)
    with pytest.raises(Conflict, match="deleted by its sender"):
        loop.item(answer.sample_id)
    assert loop.status("sentiment").states == {**dict.fromkeys(SampleState, 0), tallies.FORGOTTEN: 1}


def test_an_answer_that_may_be_kept_but_cannot_be_stored_is_refused(loop: Loop, config: Settings) -> None:
    shutil.rmtree(config.media)
    config.media.write_text("a file where the folder should be")
    with pytest.raises(StorageError):
        loop.predict("sentiment", sentiment.inputs("who knows", seed=1), "none", True)
    assert sum(loop.status("sentiment").states.values()) == 0


def test_status_tells_which_version_stands_in_and_what_is_held_back(
    loop: Loop, config: Settings, predictors: dict[str, RulePredictor]
) -> None:
    loop.predict("sentiment", DOUBTFUL, "none", False)
    assert loop.status("sentiment").notices == ()
    predictors["sentiment"].stands_in_for = "v2"
    (config.media / "store-id").write_text("another")
    loop._store.pair()
    notices = [notice.sentence() for notice in loop.status("sentiment").notices]
    assert 'The version "v2" of sentiment cannot be loaded; v1 serves instead' in notices[0]
    assert "holds files of another database" in notices[1]


def test_status_says_what_computes_once_all_models_are_loaded(loop: Loop) -> None:
    loop.predict("sentiment", DOUBTFUL, "none", False)
    assert loop.status("sentiment").runtime is None
    loop.warm().join()
    computes = loop.status("sentiment").runtime
    assert computes is not None and "quick: text f32, 2.0 times" in computes.sentence()


def test_status_counts_answers_annotators_held_out_and_the_last_run(loop: Loop, config: Settings) -> None:
    for number in range(6):
        answer = loop.predict("sentiment", Inputs(text=f"sample {number}"), "none", True)[0]
        loop.correct(answer.sample_id, "neutral" if number % 2 else "negative", "Bo" if number else "Ann", "")
    with (store := open_store(config)).session() as session:
        runs.finish(session, runs.start(session, "sentiment", "v1", None, 6), verdict="waiting")
        runs.add_sync(session, "sentiment", "label_studio", 1, 2)
        session.commit()
    store.close()
    status = loop.status("sentiment")
    assert (status.states["labelled"], status.answered_today) == (6, 6)
    assert status.by_label == {"negative": 3, "neutral": 3, "positive": 0}
    assert status.by_annotator == {"Bo": 5, "Ann": 1}
    assert status.wrong_reason == 0
    loop.correct(answer.sample_id, "positive", "Bo", "", True)
    assert loop.status("sentiment").wrong_reason == 1
    assert 0 <= status.held_out <= 6 and status.held_out_needed == sentiment.TASK.gate.minimum
    assert (status.last_retrain.state, status.last_retrain.verdict) == ("done", "waiting")
    assert datetime.fromisoformat(status.last_sync).tzinfo == UTC
    assert loop.status("speech_emotion").last_retrain is None


def test_a_run_that_nobody_is_at_work_on_is_shown_as_failed(loop: Loop, config: Settings) -> None:
    with (store := open_store(config)).session() as session:
        runs.start(session, "sentiment", "v1", None, 0)
        session.commit()
    store.close()
    run = loop.status("sentiment").last_retrain
    assert (run.state, len(run.reasons)) == ("failed", 1)


def test_export_gives_the_text_of_a_file_and_makes_none(loop: Loop, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = set(tmp_path.rglob("*"))
    answer = loop.predict("sentiment", DOUBTFUL, "none", True)[0]
    loop.correct(answer.sample_id, "neutral", "Ann", "")
    for form in ("csv", "jsonl"):
        assert answer.sample_id in loop.export("sentiment", form)
    with pytest.raises(UnknownName, match="jsonl, csv"):
        loop.export("sentiment", "xml")
    assert {path for path in set(tmp_path.rglob("*")) - before if "home" not in path.parts} == set()


def test_what_waits_is_given_as_a_file_too(loop: Loop) -> None:
    header = loop.export_queue("sentiment", "csv").removeprefix("\ufeff").strip()
    assert header.split(",")[:3] == ["sample_id", "task", "label"]
    answer = loop.predict("sentiment", DOUBTFUL, "none", True)[0]
    [entry] = map(json.loads, loop.export_queue("sentiment", "jsonl").splitlines())
    assert (entry["sample_id"], entry["text"]) == (answer.sample_id, DOUBTFUL.text)
    assert entry["confidence"] == pytest.approx(answer.confidence)
    table = io.StringIO(loop.export_queue("sentiment", "csv").removeprefix("\ufeff"), newline="")
    assert [row["sample_id"] for row in csv.DictReader(table)] == [answer.sample_id]


def test_warming_loads_every_model_and_outlives_one_that_is_missing(config: Settings) -> None:
    asked = []

    class Missing(RulePredictor):
        @property
        def methods(self):
            asked.append(self.task.name)
            if self.task.name == "sentiment":
                raise CheckpointError("no_version", task=self.task.name, path="here")
            return ("attention",)

    loop = Loop(config, Missing)
    assert not loop.ready("sentiment")
    loop.warm().join()
    assert asked == list(loop.tasks) and all(map(loop.ready, loop.tasks))
    loop.close()


def test_the_loop_is_made_without_loading_torch(command) -> None:
    program = (
        "import sys; from annotations.loop import Loop; from mmdemo import settings; Loop(settings.load()).close(); "
        "assert not {'torch', 'transformers', 'gradio', 'label_studio_sdk'} & set(sys.modules)"
    )
    done = command("-c", program)
    assert (done.returncode, done.stderr) == (0, ""), sys.executable
