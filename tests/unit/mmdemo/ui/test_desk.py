"""The desk takes samples in, answers each once, and lets go of what its sender takes back."""

import base64
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmdemo import decode
from mmdemo.errors import BadInput, StorageError, UnknownName
from mmdemo.settings import Settings
from mmdemo.ui.desk import Desk
from tests.unit.mmdemo.ui.fake import CHINESE, ENGLISH, FakeLoop

ONE, OTHER, THIRD = (digit * 32 for digit in "abc")


@pytest.fixture
def desk(loop: FakeLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    return Desk(loop.services(), Settings())


@pytest.fixture
def picture(tmp_path: Path) -> Any:
    """An upload as Gradio hands it over."""
    path = tmp_path / "uploads" / "hash" / "input.png"
    path.parent.mkdir(parents=True)
    Image.new("RGB", (64, 48), "red").save(path)
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def begin(desk: Desk, token: str = ONE, caption: str = "smiling", image: Any = None, **more: Any) -> None:
    given = {"audio": None, "keep": True, "like": "", "again": [], **more}
    desk.begin(token, "sentiment", caption, image, **given)


def test_an_answer_comes_as_two_cards_in_the_callers_language(desk: Desk, picture: Any) -> None:
    begin(desk, image=picture)
    shown = desk.predict(ONE, CHINESE)
    assert shown["state"] == "done"
    assert "积极" in shown["answer"]
    assert "它看了哪里" in shown["map"]
    assert shown["json"]["label"] == "positive"
    assert desk.recall(ONE, ENGLISH)["aloud"].startswith("positive. 93 % sure")


def test_asking_twice_answers_once(desk: Desk, loop: FakeLoop) -> None:
    begin(desk)
    assert desk.predict(ONE, ENGLISH) == desk.predict(ONE, ENGLISH)
    assert len(loop.predicted) == 1


def test_what_is_decoded_once_is_the_sample_that_was_sent(desk: Desk, loop: FakeLoop, picture: Any) -> None:
    begin(desk, image=picture)
    desk.predict(ONE, ENGLISH)
    sent = decode.decode(loop.predicted[0][1], loop.tasks["sentiment"])
    asked = desk.visits.get(ONE)
    assert asked is not None
    direct = decode.decode(asked.sample, loop.tasks["sentiment"])
    assert decode.sample_id(sent, "sentiment") == decode.sample_id(direct, "sentiment")


def test_consent_reaches_the_loop(desk: Desk, loop: FakeLoop) -> None:
    begin(desk, ONE, keep=False)
    begin(desk, OTHER, keep=True)
    shown = [desk.predict(token, ENGLISH) for token in (ONE, OTHER)]
    assert [keep for *_, keep in loop.predicted] == [False, True]
    assert [view["prediction_id"] for view in shown] == [None, "p-2"]


def test_a_refusal_is_a_sentence_in_the_readers_language(desk: Desk) -> None:
    begin(desk, caption="   ")
    english, chinese = desk.predict(ONE, ENGLISH), desk.recall(ONE, CHINESE)
    assert english["state"] == chinese["state"] == "refused"
    assert english["sentence"] == BadInput("nothing_given", known="picture, caption").sentence("en")
    assert chinese["sentence"] == BadInput("nothing_given", known="图片、文字说明").sentence("zh")


def test_what_only_its_host_can_mend_is_told_without_paths_and_logged_with_them(
    loop: FakeLoop, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise StorageError("storage_read_only", place=Path("/srv/secret/data"), detail="Permission denied")

    desk = Desk(dataclasses.replace(loop.services(), predict=fail), Settings())
    begin(desk)
    assert desk.predict(ONE, ENGLISH)["sentence"].startswith("data cannot be written")
    assert "/srv/secret/data" in caplog.text


def test_nobody_elses_token_shows_or_takes_back_anything(desk: Desk, loop: FakeLoop) -> None:
    begin(desk, ONE, "smiling at my secret")
    begin(desk, OTHER, "rain")
    desk.predict(ONE, ENGLISH)
    desk.predict(OTHER, ENGLISH)
    assert "secret" not in str(desk.recall(OTHER, ENGLISH))
    assert desk.recall(THIRD, ENGLISH) == {"state": "gone"}
    with pytest.raises(BadInput):
        desk.dispute(THIRD, "negative", ENGLISH)
    desk.forget(THIRD, [], ENGLISH)
    assert loop.forgotten == []


def test_a_picture_is_meant_again_without_being_sent_again(desk: Desk, loop: FakeLoop, picture: Any) -> None:
    begin(desk, ONE, "rain", image=picture)
    desk.predict(ONE, ENGLISH)
    begin(desk, OTHER, "smiling", like=ONE, again=["image"])
    assert desk.predict(OTHER, ENGLISH)["json"]["modalities"] == ["image", "text"]
    begin(desk, THIRD, "smiling", like=ONE, again=[])
    assert desk.predict(THIRD, ENGLISH)["json"]["modalities"] == ["text"]


def test_only_uploads_are_read(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    for image in ({"path": str(secret)}, {"path": "/etc/passwd"}, {"path": "http://127.0.0.1/x.png"}, "/etc/passwd"):
        with pytest.raises(BadInput):
            begin(desk, image=image)
    assert desk.visits.get(ONE) is None


def test_a_dispute_without_consent_before_keeps_it_under_an_id_that_can_be_taken_back(
    desk: Desk, loop: FakeLoop
) -> None:
    begin(desk, keep=False)
    desk.predict(ONE, ENGLISH)
    shown = desk.dispute(ONE, "negative", ENGLISH)
    assert [(task, label, held) for task, _, label, held in loop.suggested] == [("sentiment", "negative", None)]
    assert "whether it is “negative”" in shown["answer"]
    desk.forget(ONE, [], ENGLISH)
    assert loop.forgotten == ["d-1"] == [shown["prediction_id"]]


def test_a_dispute_goes_under_the_id_that_its_visitor_was_told(desk: Desk, loop: FakeLoop) -> None:
    for token in (ONE, OTHER):
        begin(desk, token)
        desk.predict(token, ENGLISH)
    assert desk.dispute(ONE, "negative", ENGLISH)["prediction_id"] == "p-1"
    assert [held for *_, held in loop.suggested] == ["p-1"]


def test_a_dispute_names_a_label_of_the_task(desk: Desk, loop: FakeLoop) -> None:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    with pytest.raises(UnknownName):
        desk.dispute(ONE, "angry", ENGLISH)
    assert loop.suggested == []


def test_taking_back_erases_the_sample_from_memory_too(desk: Desk, loop: FakeLoop, picture: Any) -> None:
    begin(desk, ONE, "smiling at my secret", image=picture)
    desk.predict(ONE, ENGLISH)
    shown = desk.forget(ONE, [], ENGLISH)
    assert loop.forgotten == ["p-1"]
    assert (shown["map"], shown["picture"], shown["prediction_id"]) == ("", "", None)
    assert "Deleted." in shown["answer"]
    assert "secret" not in repr(desk.visits.get(ONE))


def test_what_is_cancelled_while_it_is_answered_is_taken_back(loop: FakeLoop) -> None:
    desk = Desk(loop.services(), Settings())
    begin(desk)
    visit = desk.visits.get(ONE)
    assert visit is not None
    assert desk.cancel(ONE)
    with pytest.raises(BadInput):
        desk._answer(ONE, visit)
    assert loop.forgotten == ["p-1"]
    assert desk.recall(ONE, ENGLISH) == {"state": "gone"}


def test_what_is_cancelled_just_after_it_was_answered_is_taken_back_too(desk: Desk, loop: FakeLoop) -> None:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    assert desk.cancel(ONE)
    assert not desk.cancel(ONE)
    assert loop.forgotten == ["p-1"]


def test_clearing_keeps_what_the_visitor_agreed_to(desk: Desk, loop: FakeLoop) -> None:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    assert desk.clear(ONE)
    assert desk.recall(ONE, ENGLISH) == {"state": "gone"}
    assert loop.forgotten == []


def test_a_sample_that_was_sent_twice_is_taken_back_twice(desk: Desk, loop: FakeLoop) -> None:
    for token in (ONE, OTHER):
        begin(desk, token, "smiling at my secret")
        desk.predict(token, ENGLISH)
    desk.forget(OTHER, ["p-1", "p-2"], ENGLISH)
    assert sorted(loop.forgotten) == ["p-1", "p-2"]
    assert "secret" not in repr([desk.visits.get(token) for token in (ONE, OTHER)])


@pytest.mark.parametrize(("language", "said"), [(ENGLISH, "Nothing of what you sent is left"), (CHINESE, "已删除")])
def test_what_was_sent_is_taken_back_by_its_ids_when_the_visit_is_long_gone(
    desk: Desk, loop: FakeLoop, language: Any, said: str
) -> None:
    shown = desk.forget(ONE, ["p-1", "p-2"], language)
    assert sorted(loop.forgotten) == ["p-1", "p-2"]
    assert (shown["state"], shown["map"], shown["prediction_id"]) == ("forgotten", "", None)
    assert said in shown["answer"] and said in shown["aloud"]


def test_what_is_gone_already_is_taken_back_without_complaint(desk: Desk, loop: FakeLoop) -> None:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    loop.forget("p-1")  # its time was over, or somebody did it for the visitor
    assert "Deleted." in desk.forget(ONE, ["p-1"], ENGLISH)["answer"]


def test_deleting_everything_leaves_nothing_of_the_answer_that_is_shown(desk: Desk, loop: FakeLoop) -> None:
    begin(desk, ONE, "smiling at my secret")
    desk.predict(ONE, ENGLISH)
    desk.forget("", ["p-1"], ENGLISH)  # from another tab of the same browser
    assert "secret" not in repr(desk.visits.get(ONE)) + str(desk.recall(ONE, ENGLISH))
    assert "Deleted." in desk.forget(ONE, [], ENGLISH)["answer"]
    with pytest.raises(BadInput):
        desk.dispute(ONE, "negative", ENGLISH)


def test_an_example_is_handed_out_as_it_ships(desk: Desk, loop: FakeLoop) -> None:
    first = loop.tasks["sentiment"].examples[0]
    shown = desk.example("sentiment", 0)
    assert first.image is not None
    assert base64.b64decode(shown["image"].split(",")[1]) == first.image.read_bytes()
    assert (shown["text"], shown["audio"]) == (first.text, "")
    with pytest.raises(UnknownName):
        desk.example("sentiment", 99)
