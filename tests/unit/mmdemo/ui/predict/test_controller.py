"""The desk takes samples in, answers each once, and lets go of what its sender takes back."""

import base64
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mmdemo.errors import BadInput, StorageError, UnknownName
from mmdemo.settings import Settings
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.intake import Intake
from tests.unit.mmdemo.ui.fake import CHINESE, ENGLISH, FakeLoop

ONE, OTHER, THIRD = (digit * 32 for digit in "abc")


DOUBTFUL, SURE, DRAWN = "rain", "smiling", "laughing"  # captions, as the fake loop answers them


def begin(desk: PredictController, token: str = ONE, caption: str = DOUBTFUL, image: Any = None, **more: Any) -> None:
    fields = {"audio": None, "keep": True, "like": "", "again": [], **more}
    Intake(desk.services, desk.settings, desk.visits).begin(token, "sentiment", caption, image, **fields)


def test_an_answer_comes_as_two_cards_in_the_callers_language(desk: PredictController, picture: Any) -> None:
    begin(desk, caption=SURE, image=picture)
    shown = desk.predict(ONE, CHINESE)
    assert shown["state"] == "done"
    assert "积极" in shown["answer"]
    assert "它看了哪里" in shown["map"]
    assert shown["json"]["label"] == "positive"
    assert desk.recall(ONE, ENGLISH)["aloud"].startswith("positive. 93 % sure")


def test_asking_twice_answers_once(desk: PredictController, loop: FakeLoop) -> None:
    begin(desk)
    assert desk.predict(ONE, ENGLISH) == desk.predict(ONE, ENGLISH)
    assert len(loop.predicted) == 1


@pytest.mark.parametrize(("keep", "kept"), [(True, "k-1"), (False, None), (None, None)])
@pytest.mark.parametrize("caption", [DOUBTFUL, DRAWN])
def test_what_people_shall_see_is_kept_with_its_visitors_leave_alone(
    desk: PredictController, loop: FakeLoop, caption: str, keep: bool | None, kept: str | None
) -> None:
    begin(desk, caption=caption, keep=keep)
    shown = desk.predict(ONE, ENGLISH)
    assert (shown["prediction_id"], shown["json"]["prediction_id"], len(loop.stored)) == (kept, kept, int(bool(keep)))
    assert not any(keep for *_, keep in loop.predicted)  # what is stored is decided by the answer
    assert ("data-agree" in shown["answer"]) == (keep is None)


def test_of_any_other_answer_nothing_is_kept_and_nothing_asked(desk: PredictController, loop: FakeLoop) -> None:
    for token, keep in ((ONE, True), (OTHER, None)):
        begin(desk, token, SURE, keep=keep)
        shown = desk.predict(token, ENGLISH)
        assert (shown["prediction_id"], "data-agree" in shown["answer"]) == (None, False)
    assert loop.stored == []


@pytest.mark.parametrize(
    ("caption", "question"),
    [(DOUBTFUL, "Not sure here. May people look at it"), (DRAWN, "Sure here, but drawn at random for a check.")],
)
def test_a_yes_keeps_the_very_answer_that_was_given_once(
    desk: PredictController, loop: FakeLoop, caption: str, question: str
) -> None:
    begin(desk, caption=caption, keep=None)
    asked = desk.predict(ONE, ENGLISH)
    assert question in asked["answer"] and question in asked["aloud"]
    for _ in range(2):  # a second click
        agreed = desk.consent(ONE, True, ENGLISH)
    assert [(kept[0].text, kept[1].label, *kept[2:]) for kept in loop.stored] == [(caption, "positive", None, None)]
    assert len(loop.predicted) == 1
    same = ("label", "probabilities", "model_version", "sample_id", "explanation")
    assert [agreed["json"][name] for name in same] == [asked["json"][name] for name in same]
    assert (agreed["prediction_id"], agreed["aloud"]) == ("k-1", "Thank you. People will look at it.")
    assert "data-agree" not in agreed["answer"] and 'data-do="forget"' in agreed["answer"]
    desk.forget(ONE, [], ENGLISH)
    assert loop.forgotten == ["k-1"]


def test_a_no_keeps_nothing_and_is_not_asked_again_unless_its_visitor_wants_to(
    desk: PredictController, loop: FakeLoop
) -> None:
    begin(desk, keep=None)
    desk.predict(ONE, ENGLISH)
    declined = desk.consent(ONE, False, ENGLISH)
    assert (declined["declined"], declined["prediction_id"]) == (True, None)
    assert "data-agree" not in declined["answer"] + desk.recall(ONE, ENGLISH)["answer"]
    assert "Nothing of it is kept." in declined["answer"]
    assert "data-agree" in desk.consent(ONE, None, CHINESE)["answer"]
    desk.consent(ONE, True, ENGLISH)
    assert len(loop.stored) == 1


def test_what_is_no_longer_remembered_cannot_be_agreed_to(desk: PredictController, loop: FakeLoop) -> None:
    begin(desk, ONE, keep=None)
    with pytest.raises(BadInput):  # not answered yet
        desk.consent(ONE, True, ENGLISH)
    desk.predict(ONE, ENGLISH)
    desk.clear(ONE)
    for token in (ONE, OTHER, ""):
        with pytest.raises(BadInput):
            desk.consent(token, True, ENGLISH)
    assert loop.stored == []


def test_where_storing_fails_the_question_stands() -> None:
    class Full(FakeLoop):
        def keep(self, *_: Any) -> Any:
            raise StorageError("storage_full", place=Path("/srv/data"))

    desk = PredictController(Full(), Settings())
    begin(desk, keep=None)
    desk.predict(ONE, ENGLISH)
    with pytest.raises(StorageError):
        desk.consent(ONE, True, ENGLISH)
    assert "data-agree" in desk.recall(ONE, ENGLISH)["answer"]


def test_what_is_dropped_while_it_is_being_stored_is_taken_back() -> None:
    class Dropping(FakeLoop):
        def keep(self, *arguments: Any) -> Any:
            desk.clear(ONE)
            return super().keep(*arguments)

    desk = PredictController(loop := Dropping(), Settings())
    begin(desk, keep=None)
    desk.predict(ONE, ENGLISH)
    with pytest.raises(BadInput):
        desk.consent(ONE, True, ENGLISH)
    assert loop.forgotten == ["k-1"]


def test_an_upload_is_gone_once_it_was_taken_in_and_coming_again_changes_nothing(
    desk: PredictController, loop: FakeLoop, picture: Any, tmp_path: Path
) -> None:
    for _ in range(2):  # the connection was lost before the page heard of it
        begin(desk, image=picture)
    assert list((tmp_path / "uploads").iterdir()) == []
    assert desk.predict(ONE, ENGLISH)["json"]["modalities"] == ["image", "text"]


@pytest.mark.parametrize("act", ["cancel", "forget"])
def test_what_was_uploaded_for_a_visit_and_never_asked_about_goes_with_it(
    desk: PredictController, tmp_path: Path, act: str
) -> None:
    mine, other = (tmp_path / "uploads" / name / f"image-{name[0] * 32}.png" for name in ("aa", "bb"))
    for path in (mine, other):
        path.parent.mkdir(parents=True)
        path.touch()
    {"cancel": lambda: desk.cancel(ONE), "forget": lambda: desk.forget(ONE, [], ENGLISH)}[act]()
    assert (mine.parent.exists(), other.exists()) == (False, True)
    assert not desk.cancel("*")
    assert other.exists()


def test_a_refusal_is_a_sentence_in_the_readers_language(desk: PredictController) -> None:
    begin(desk, caption="   ")
    english, chinese = desk.predict(ONE, ENGLISH), desk.recall(ONE, CHINESE)
    assert english["state"] == chinese["state"] == "refused"
    assert english["sentence"] == BadInput("nothing_given", known="picture, caption").sentence("en")
    assert chinese["sentence"] == BadInput("nothing_given", known="图片、文字说明").sentence("zh")


def test_what_only_its_host_can_mend_is_told_without_paths_and_logged_with_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class ReadOnly(FakeLoop):
        def predict(self, *_: Any) -> Any:
            raise StorageError("storage_read_only", place=Path("/srv/secret/data"), detail="Permission denied")

    desk = PredictController(ReadOnly(), Settings())
    begin(desk)
    assert desk.predict(ONE, ENGLISH)["sentence"].startswith("data cannot be written")
    assert "/srv/secret/data" in caplog.text


def test_nobody_elses_token_shows_or_takes_back_anything(desk: PredictController, loop: FakeLoop) -> None:
    begin(desk, ONE, "rain on my secret")
    begin(desk, OTHER, "rain")
    desk.predict(ONE, ENGLISH)
    desk.predict(OTHER, ENGLISH)
    assert "secret" not in str(desk.recall(OTHER, ENGLISH))
    assert desk.recall(THIRD, ENGLISH) == {"state": "gone"}
    with pytest.raises(BadInput):
        desk.dispute(THIRD, "negative", ENGLISH)
    desk.forget(THIRD, [], ENGLISH)
    assert loop.forgotten == []


def test_a_picture_is_meant_again_without_being_sent_again(
    desk: PredictController, loop: FakeLoop, picture: Any
) -> None:
    begin(desk, ONE, "rain", image=picture)
    desk.predict(ONE, ENGLISH)
    begin(desk, OTHER, "smiling", like=ONE, again=["image"])
    assert desk.predict(OTHER, ENGLISH)["json"]["modalities"] == ["image", "text"]
    begin(desk, THIRD, "smiling", like=ONE, again=[])
    assert desk.predict(THIRD, ENGLISH)["json"]["modalities"] == ["text"]


def test_only_uploads_are_read(desk: PredictController, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    for image in ({"path": str(secret)}, {"path": "/etc/passwd"}, {"path": "http://127.0.0.1/x.png"}, "/etc/passwd"):
        with pytest.raises(BadInput):
            begin(desk, image=image)
    assert desk.visits.get(ONE) is None


def test_a_dispute_without_consent_before_keeps_it_under_an_id_that_can_be_taken_back(
    desk: PredictController, loop: FakeLoop
) -> None:
    begin(desk, keep=False)
    desk.predict(ONE, ENGLISH)
    shown = desk.dispute(ONE, "negative", ENGLISH)
    assert [(answer.task, label, prediction_id) for _, answer, label, prediction_id in loop.stored] == [
        ("sentiment", "negative", None)
    ]
    assert len(loop.predicted) == 1  # the answer that is disputed is the one that was given
    assert "whether it is “negative”" in shown["answer"]
    desk.forget(ONE, [], ENGLISH)
    assert loop.forgotten == ["k-1"] == [shown["prediction_id"]]


def test_a_dispute_goes_under_the_id_that_its_visitor_was_told(desk: PredictController, loop: FakeLoop) -> None:
    for token in (ONE, OTHER):
        begin(desk, token)
        desk.predict(token, ENGLISH)
    assert desk.dispute(ONE, "negative", ENGLISH)["prediction_id"] == "k-1"
    assert [prediction_id for *_, prediction_id in loop.stored] == [None, None, "k-1"]


def test_a_dispute_names_a_label_of_the_task(desk: PredictController, loop: FakeLoop) -> None:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    with pytest.raises(UnknownName):
        desk.dispute(ONE, "angry", ENGLISH)
    assert [label for _, _, label, _ in loop.stored] == [None]


def test_taking_back_erases_the_sample_from_memory_too(desk: PredictController, loop: FakeLoop, picture: Any) -> None:
    begin(desk, ONE, "rain on my secret", image=picture)
    desk.predict(ONE, ENGLISH)
    shown = desk.forget(ONE, [], ENGLISH)
    assert loop.forgotten == ["k-1"]
    assert (shown["map"], shown["picture"], shown["prediction_id"]) == ("", "", None)
    assert "Deleted." in shown["answer"]
    assert "secret" not in repr(desk.visits.get(ONE))


def test_what_is_cancelled_while_it_is_answered_is_taken_back() -> None:
    class Cancelled(FakeLoop):
        def keep(self, *arguments: Any) -> Any:
            assert desk.cancel(ONE)
            return super().keep(*arguments)

    desk = PredictController(loop := Cancelled(), Settings())
    begin(desk)
    with pytest.raises(BadInput):
        desk.predict(ONE, ENGLISH)
    assert loop.forgotten == ["k-1"]
    assert desk.recall(ONE, ENGLISH) == {"state": "gone"}


def test_what_is_cancelled_just_after_it_was_answered_is_taken_back_too(
    desk: PredictController, loop: FakeLoop
) -> None:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    assert desk.cancel(ONE)
    assert not desk.cancel(ONE)
    assert loop.forgotten == ["k-1"]


def test_clearing_keeps_what_the_visitor_agreed_to(desk: PredictController, loop: FakeLoop) -> None:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    assert desk.clear(ONE)
    assert desk.recall(ONE, ENGLISH) == {"state": "gone"}
    assert loop.forgotten == []


def test_a_sample_that_was_sent_twice_is_taken_back_twice(desk: PredictController, loop: FakeLoop) -> None:
    for token in (ONE, OTHER):
        begin(desk, token, "rain on my secret")
        desk.predict(token, ENGLISH)
    desk.forget(OTHER, ["k-1", "k-2"], ENGLISH)
    assert sorted(loop.forgotten) == ["k-1", "k-2"]
    assert "secret" not in repr([desk.visits.get(token) for token in (ONE, OTHER)])


@pytest.mark.parametrize(("language", "said"), [(ENGLISH, "Nothing of what you sent is left"), (CHINESE, "已删除")])
def test_what_was_sent_is_taken_back_by_its_ids_when_the_visit_is_long_gone(
    desk: PredictController, loop: FakeLoop, language: Any, said: str
) -> None:
    shown = desk.forget(ONE, ["k-1", "k-2"], language)
    assert sorted(loop.forgotten) == ["k-1", "k-2"]
    assert (shown["state"], shown["map"], shown["prediction_id"]) == ("forgotten", "", None)
    assert said in shown["answer"] and said in shown["aloud"]


def test_what_is_gone_already_is_taken_back_without_complaint(desk: PredictController, loop: FakeLoop) -> None:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    loop.forget("k-1")  # its time was over, or somebody did it for the visitor
    assert "Deleted." in desk.forget(ONE, ["k-1"], ENGLISH)["answer"]


def test_deleting_everything_leaves_nothing_of_the_answer_that_is_shown(
    desk: PredictController, loop: FakeLoop
) -> None:
    begin(desk, ONE, "rain on my secret")
    desk.predict(ONE, ENGLISH)
    desk.forget("", ["k-1"], ENGLISH)  # from another tab of the same browser
    assert "secret" not in repr(desk.visits.get(ONE)) + str(desk.recall(ONE, ENGLISH))
    assert "Deleted." in desk.forget(ONE, [], ENGLISH)["answer"]
    with pytest.raises(BadInput):
        desk.dispute(ONE, "negative", ENGLISH)


def test_an_example_is_handed_out_as_it_ships(desk: PredictController, loop: FakeLoop) -> None:
    first = loop.tasks["sentiment"].examples[0]
    shown = desk.example("sentiment", 0)
    assert first.image is not None
    assert base64.b64decode(shown["image"].split(",")[1]) == first.image.read_bytes()
    assert (shown["text"], shown["audio"]) == (first.text, "")
    with pytest.raises(UnknownName):
        desk.example("sentiment", 99)
