"""Answers that nobody sent in: an example's, which is kept by nobody and answered once for many, and a kept one's."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmdemo import decode
from mmdemo.errors import BadInput, NotAllowed, UnknownName
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.maps import analysis
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.intake import Intake
from mmdemo.ui.predict.opening import Opening
from mmdemo.values.review import QueueItem, ReviewItem, SampleState, view_key
from mmdemo.values.samples import Sample
from tests.unit.mmdemo.ui.fake import ENGLISH, FakeLoop

ONE, OTHER = "a" * 32, "b" * 32
SECRET = "smiling at my secret"


@pytest.fixture
def desk(loop: FakeLoop) -> PredictController:
    return PredictController(loop, Settings(review_key="key"))


@pytest.fixture
def opener(desk: PredictController) -> Opening:
    return Opening(desk.services, Door.of(desk.settings), desk.visits)


@pytest.fixture
def intake(desk: PredictController) -> Intake:
    return Intake(desk.services, desk.settings, desk.visits)


@pytest.fixture
def kept(loop: FakeLoop, tmp_path: Path) -> str:
    """The id of an answer that a visitor keeps under the id p-9."""
    Image.new("RGB", (64, 48), "red").save(tmp_path / "kept.png")
    sample = Sample(image=tmp_path / "kept.png", text=SECRET)
    answer, _ = loop.predict("sentiment", decode.decode(sample, loop.tasks["sentiment"]), "default", False)
    item = QueueItem(
        answer.sample_id,
        "sentiment",
        answer.label,
        0.93,
        "audit",
        SampleState.LABELLED,
        "",
        None,
        SECRET,
        tmp_path / "kept.png",
    )
    loop.kept[answer.sample_id] = (view_key("p-9"), ReviewItem(item, answer))
    return answer.sample_id


def test_an_example_is_answered_and_kept_by_nobody(desk: PredictController, intake: Intake, loop: FakeLoop) -> None:
    intake.begin_example(ONE, "sentiment", 1, False)
    shown = desk.predict(ONE, ENGLISH)
    (_, inputs, _, keep) = loop.predicted[0]
    assert (inputs.text, keep) == (loop.tasks["sentiment"].examples[1].text, False)
    assert (shown["example"], shown["kept"], shown["prediction_id"], shown["view_key"]) == (1, False, None, None)


def test_an_example_is_no_random_check_of_what_is_sent(desk: PredictController, intake: Intake, loop: FakeLoop) -> None:
    task = loop.tasks["sentiment"]
    drawn = dataclasses.replace(task.examples[0], text="They laugh")
    loop.tasks["sentiment"] = dataclasses.replace(task, examples=(drawn,))
    intake.begin_example(ONE, "sentiment", 0, None)
    shown = desk.predict(ONE, ENGLISH)
    assert "drawn at random" not in shown["answer"]


def test_many_who_only_look_are_answered_once(desk: PredictController, intake: Intake, loop: FakeLoop) -> None:
    for token in (ONE, OTHER):
        intake.begin_example(token, "sentiment", 0, False)
        desk.predict(token, ENGLISH)
    assert len(loop.predicted) == 1
    closer = analysis.Looking(desk.services, desk.visits)
    weighed = [closer.weigh(token, "relevance", "positive", "", ENGLISH) for token in (ONE, OTHER)]
    assert weighed[0] == weighed[1] and len(loop.weighed) == 1
    dataclasses.replace(intake, shared_s=0.0).begin_example("c" * 32, "sentiment", 0, False)
    desk.predict("c" * 32, ENGLISH)
    assert len(loop.predicted) == 2


def test_who_keeps_an_example_has_an_answer_of_their_own(
    desk: PredictController, intake: Intake, loop: FakeLoop
) -> None:
    intake.begin_example(ONE, "sentiment", 0, False)
    desk.predict(ONE, ENGLISH)
    intake.begin_example(OTHER, "sentiment", 0, True)
    shown = desk.predict(OTHER, ENGLISH)
    assert (shown["kept"], len(loop.predicted)) == (True, 2)
    desk.dispute(ONE, "neutral", ENGLISH)  # what one visitor says is not shown to the next
    intake.begin_example("c" * 32, "sentiment", 0, False)
    assert "whether it is" not in desk.predict("c" * 32, ENGLISH)["answer"]


def test_an_example_that_is_not_there_is_refused(intake: Intake) -> None:
    with pytest.raises(UnknownName):
        intake.begin_example(ONE, "sentiment", 99, False)
    with pytest.raises(UnknownName):
        intake.begin_example(ONE, "nothing", 0, False)


def test_a_kept_answer_opens_by_its_view_key_and_gives_no_right_to_delete(
    desk: PredictController, opener: Opening, kept: str, loop: FakeLoop
) -> None:
    opener.open(ONE, kept, [view_key("p-9")], "", ENGLISH)
    shown = desk.recall(ONE, ENGLISH)
    assert (shown["state"], shown["caption"], shown["kept"]) == ("done", SECRET, True)
    assert (shown["prediction_id"], shown["view_key"]) == (None, None)
    assert shown["picture"].startswith("data:image/jpeg") and "Delete what I sent" in shown["answer"]
    desk.forget(ONE, [], ENGLISH)
    assert loop.forgotten == []


def test_a_kept_answer_opens_for_a_reviewer_and_for_nobody_else(
    opener: Opening, desk: PredictController, kept: str
) -> None:
    for keys, key in (([], ""), (["p-9"], ""), ([view_key("p-8")], "wrong"), ([], "wrong")):
        with pytest.raises(NotAllowed) as refusal:
            opener.open(ONE, kept, keys, key, ENGLISH)
        assert refusal.value.key == "answer_closed"
    assert desk.visits.get(ONE) is None
    opener.open(ONE, kept, [], "key", ENGLISH)
    assert desk.recall(ONE, ENGLISH)["caption"] == SECRET


@pytest.mark.parametrize("keys", ["a" * 64, [1], [None, {}], ["k"] * 1000])
def test_what_is_no_list_of_keys_is_refused(opener: Opening, kept: str, keys: Any) -> None:
    with pytest.raises((BadInput, NotAllowed)):
        opener.open(ONE, kept, keys, "", ENGLISH)


def test_a_kept_answer_whose_file_is_gone_is_shown_without_it(
    opener: Opening, desk: PredictController, kept: str, tmp_path: Path
) -> None:
    (tmp_path / "kept.png").unlink()
    opener.open(ONE, kept, [view_key("p-9")], "", ENGLISH)
    assert desk.recall(ONE, ENGLISH)["picture"] == ""


def test_only_tasks_that_have_a_model_are_offered(opener: Opening, loop: FakeLoop) -> None:
    loop.without_model = {"spoken_digits"}
    assert opener.tasks() == ["sentiment", "speech_emotion"]


def test_the_key_to_look_is_not_the_right_to_delete() -> None:
    assert view_key("p-1") != view_key("p-2")
    assert "p-1" not in view_key("p-1") and len(view_key("p-1")) == 64


def test_an_opened_answer_does_not_change_what_is_shared(opener: Opening, desk: PredictController, kept: str) -> None:
    opener.open(ONE, kept, [view_key("p-9")], "", ENGLISH)
    visit = desk.visits.get(ONE)
    assert visit is not None and dataclasses.replace(visit, opened=False).held is False
    desk.visits.let_go_opened()
    assert desk.recall(ONE, ENGLISH) == {"state": "gone"}
