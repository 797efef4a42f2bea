"""The one call behind the Review tab: what it takes, what it shows then, and to whom it shows nothing."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmdemo.errors import BadInput, NotAllowed
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.review.controller import Reviewing
from tests.unit.mmdemo.ui.fake_queue import CAPTIONS, NOW, FakeQueue

HERE: Any = SimpleNamespace(headers={"host": "127.0.0.1:7860"})
ANNS, BOBS = "a" * 32, "b" * 32  # sessions of two browsers
CHINESE: Any = SimpleNamespace(headers={"host": "localhost", "accept-language": "zh"})


@pytest.fixture
def loop(tmp_path: Path) -> FakeQueue:
    return FakeQueue(tmp_path)


@pytest.fixture
def desk(loop: FakeQueue) -> Reviewing:
    return Reviewing(loop, Door.of(Settings()))


def ask(do: str = "look", **more: Any) -> dict[str, Any]:
    return {"do": do, "annotator": "Ann", "session": ANNS, **more}


def id_of(loop: FakeQueue, caption: str) -> str:
    return next(entry.item.sample_id for entry in loop.items.values() if entry.item.text == caption)


def test_the_most_doubtful_comes_first_with_picture_caption_map_and_labels(desk: Reviewing, loop: FakeQueue) -> None:
    view = desk.act(HERE, ask())
    assert json.dumps(view, allow_nan=False)
    assert (view["state"], view["waiting"], view["heading"]) == ("open", 5, "5 waiting")
    assert view["sample_id"] == view["ids"][0] == next(iter(loop.items))
    assert "Rain again, and the match was called off" in view["sample"] and "data:image/jpeg;base64," in view["sample"]
    assert view["keys"] == {"1": "negative", "2": "neutral", "3": "positive"} and view["accept"] == "negative"
    assert "guess, 48 %" in view["labels"] and "mm-word" in view["map"] and "base64" not in view["map"]


def test_nothing_of_a_file_on_disk_is_told(desk: Reviewing, loop: FakeQueue) -> None:
    assert str(loop.folder) not in json.dumps(desk.act(HERE, ask()))


def test_an_answer_is_stored_and_the_next_sample_comes(desk: Reviewing, loop: FakeQueue) -> None:
    first, second, *_ = desk.act(HERE, ask())["ids"]
    view = desk.act(HERE, ask("label", sample_id=first, label="neutral", note="wet", next=second))
    answer = loop.corrections[0]
    assert (answer.sample_id, answer.label, answer.annotator, answer.note) == (first, "neutral", "Ann", "wet")
    assert view["sample_id"] == second and view["waiting"] == 4 and not view["refused"]
    assert view["line"] == "You said neutral; the model had guessed negative, 48 %."
    assert "<audio" in view["sample"] and view["keys"]["8"] == "surprised"


def test_an_answer_that_others_outnumber_is_said_not_to_count_yet(desk: Reviewing, loop: FakeQueue) -> None:
    loop.outvoted = True
    first, second, *_ = desk.act(HERE, ask())["ids"]
    not_yet = "It doesn't count yet: more people, or a reviewer who decides, say something else."
    assert desk.act(HERE, ask("label", sample_id=first, label="neutral", next=second))["line"].endswith(not_yet)
    line = desk.act(HERE, ask("label", sample_id=first, label="positive", list="answered", again=True))["line"]
    assert line == f"Changed: your answer is positive now. {not_yet}"


def test_whoever_chose_a_place_in_the_queue_goes_on_from_there(desk: Reviewing) -> None:
    ids = desk.act(HERE, ask())["ids"]
    assert desk.act(HERE, ask(sample_id=ids[2]))["sample_id"] == ids[2]
    assert desk.act(HERE, ask("skip", sample_id=ids[2], next=ids[3]))["sample_id"] == ids[3]
    assert desk.act(HERE, ask("label", sample_id=ids[3], label="neutral", next=ids[4]))["sample_id"] == ids[4]
    assert desk.act(HERE, ask("unsure", sample_id=ids[4]))["sample_id"] == ids[0]  # the last: from the top again


def test_the_second_of_two_answers_is_told_and_shown_the_next(desk: Reviewing, loop: FakeQueue) -> None:
    first, second, *_ = desk.act(HERE, ask())["ids"]
    desk.act(HERE, ask("label", sample_id=first, label="neutral"))
    for move in ("label", "skip", "unsure"):
        view = desk.act(HERE, ask(move, sample_id=first, label="positive", annotator="Bob", next=second))
        assert (
            view["refused"]
            and view["line"].startswith("Ann answered that one meanwhile: neutral.")
            and view["sample_id"] == second
        )
    assert [correction.annotator for correction in loop.corrections] == ["Ann"]


def test_right_answer_wrong_reason_is_stored_and_refused_of_a_wrong_answer(desk: Reviewing, loop: FakeQueue) -> None:
    view = desk.act(HERE, ask())
    assert view["guess"] == "negative" and "right answer, wrong reason" in view["labels"]
    first = view["sample_id"]
    view = desk.act(HERE, ask("label", sample_id=first, label="neutral", wrong_reason=True))
    assert view["refused"] and "Leave that mark out" in view["line"] and not loop.corrections
    view = desk.act(HERE, ask("label", sample_id=first, label="negative", wrong_reason=True))
    assert view["line"] == "You said negative, as the model had guessed, but for the wrong reason."
    assert [correction.wrong_reason for correction in loop.corrections] == [True]
    with pytest.raises(BadInput):
        desk.act(HERE, ask(wrong_reason="false"))


def test_undo_goes_back_to_the_sample(desk: Reviewing, loop: FakeQueue) -> None:
    ids = desk.act(HERE, ask())["ids"]
    desk.act(HERE, ask("label", sample_id=ids[0], label="neutral"))
    desk.act(HERE, ask("skip", sample_id=ids[1]))
    assert desk.act(HERE, ask("undo", sample_id=ids[2]))["sample_id"] == ids[1]
    view = desk.act(HERE, ask("undo", sample_id=ids[1]))
    assert view["sample_id"] == ids[0] and view["line"] == "Taken back: here it is again." and not loop.corrections
    view = desk.act(HERE, ask("undo", sample_id=ids[0]))
    assert view["refused"] and view["sample_id"] == ids[0]
    assert desk.act(HERE, ask("undo", annotator="Bob"))["refused"]


def test_another_browser_undoes_nothing_whatever_name_it_types(desk: Reviewing, loop: FakeQueue) -> None:
    first = next(iter(loop.items))
    anns, bobs = {"browser": "c" * 32}, {"browser": "d" * 32}
    desk.act(HERE, ask("label", sample_id=first, label="neutral", **anns))
    view = desk.act(HERE, ask("undo", sample_id=first, **bobs))
    assert view["refused"] and "in this browser" in view["line"] and loop.corrections
    assert loop.undo("Ann") is None  # and no script either
    assert not desk.act(HERE, {**ask("undo", **anns), "session": BOBS})["refused"] and not loop.corrections
    with pytest.raises(BadInput):
        desk.act(HERE, ask("undo", browser="guess"))


@pytest.mark.parametrize("hide", [False, True])
def test_a_random_check_is_blind_whatever_the_annotator_prefers(desk: Reviewing, loop: FakeQueue, hide: bool) -> None:
    view = desk.act(HERE, ask(sample_id=id_of(loop, "Queue outside the bakery"), hide=hide))
    assert view["accept"] == "" and view["map"] == "" and "guess" not in view["labels"]


def test_hiding_the_guess_hides_it_in_all_that_is_sent(desk: Reviewing) -> None:
    view = desk.act(HERE, ask(hide=True))
    assert view["accept"] == "" and view["map"] == "" and "guess" not in view["labels"] + view["sample"]


def test_what_a_visitor_wrote_shows_as_text(desk: Reviewing, loop: FakeQueue) -> None:
    view = desk.act(HERE, ask(sample_id=id_of(loop, list(CAPTIONS)[3])))
    for html in (view["sample"], view["queue"], view["map"]):
        assert "<b>again" not in html and "&lt;b&gt;" in html


def test_it_speaks_chinese(desk: Reviewing) -> None:
    view = desk.act(CHINESE, ask())
    assert view["heading"] == "5 个待审核" and "消极" in view["labels"] and view["keys"]["1"] == "negative"


def test_an_empty_queue_says_so(desk: Reviewing, loop: FakeQueue) -> None:
    for sample_id in list(loop.items):
        view = desk.act(HERE, ask("unsure", sample_id=sample_id))
    assert (view["state"], view["waiting"], view["ids"]) == ("empty", 0, []) and "Nothing is waiting" in view["sample"]


def test_a_forgotten_sample_is_passed_over_and_its_preview_dropped(desk: Reviewing, loop: FakeQueue) -> None:
    first, second, *_ = desk.act(HERE, ask())["ids"]
    assert first in desk.previews
    del loop.items[first]
    assert desk.act(HERE, ask("label", sample_id=first, label="neutral"))["sample_id"] == second
    assert first not in desk.previews


def test_samples_of_a_task_that_is_not_loaded_are_told_and_hide_no_others(desk: Reviewing, loop: FakeQueue) -> None:
    loop.strays = {"<own>": 3}
    view = desk.act(HERE, ask())
    assert (view["state"], view["waiting"]) == ("open", 5)
    assert "Not shown: 3 waiting for the task “&lt;own&gt;”, whose file is not loaded." in view["queue"]
    for sample_id in list(loop.items):
        view = desk.act(HERE, ask("unsure", sample_id=sample_id))
    assert view["state"] == "empty" and "Not shown: 3" in view["queue"]


def test_a_file_that_cannot_be_read_hides_nothing_else(desk: Reviewing, loop: FakeQueue) -> None:
    for path in loop.folder.iterdir():
        path.write_bytes(b"broken")
    first, second, *_ = desk.act(HERE, ask())["ids"]
    assert "Rain again" in desk.act(HERE, ask(sample_id=first))["sample"]
    assert "its file can&#39;t be read" in desk.act(HERE, ask(sample_id=second))["sample"]
    assert desk.thumbnails(HERE, "", [first]) == {first: ""}


def test_refusals_of_the_loop_are_lines_and_the_sample_stays(desk: Reviewing, loop: FakeQueue) -> None:
    first = desk.act(HERE, ask())["sample_id"]
    for do in ("label", "skip", "unsure"):
        view = desk.act(HERE, ask(do, sample_id=first, label="neutral", annotator=" "))
        assert view["refused"] and view["line"].startswith("Who answers?") and view["sample_id"] == first
    wrong = desk.act(HERE, ask("label", sample_id=first, label="sad"))
    assert wrong["refused"] and '"sad" is not a label' in wrong["line"] and not loop.corrections


@pytest.mark.parametrize("arguments", [[], "x", {"do": "drop"}, {"do": 5}, {"hide": "yes"}, {"list": "all"}])
def test_a_call_that_is_none_is_refused(desk: Reviewing, arguments: Any) -> None:
    with pytest.raises(BadInput):
        desk.act(HERE, {"session": ANNS, **arguments} if isinstance(arguments, dict) else arguments)


@pytest.mark.parametrize("session", [None, "", "guess"])
def test_a_browser_without_a_token_of_its_own_is_refused(desk: Reviewing, session: Any) -> None:
    with pytest.raises(BadInput, match="Reload the page"):
        desk.act(HERE, ask(session=session))
    with pytest.raises(BadInput, match="Reload the page"):
        desk.leave(HERE, "", session)


@pytest.mark.parametrize("do", ["look", "label", "skip", "unsure", "undo"])
def test_strangers_are_told_the_number_waiting_and_nothing_else(loop: FakeQueue, do: str) -> None:
    desk = Reviewing(loop, Door.of(Settings(review_key="sesame")))
    view = desk.act(HERE, ask(do, sample_id=next(iter(loop.items)), label="neutral"))
    assert set(view) == {"state", "waiting", "sentence", "reason"} and view["waiting"] == 5
    assert (view["state"], view["reason"]) == ("closed", "review_key_needed")
    assert not loop.moves and desk.count() == {"waiting": 5}
    with pytest.raises(NotAllowed):
        desk.thumbnails(HERE, "", [next(iter(loop.items))])
    with pytest.raises(NotAllowed):
        desk.leave(HERE, "", ANNS)
    assert desk.act(HERE, ask(key="sesame"))["state"] == "open"


def bobs(do: str = "look", **more: Any) -> dict[str, Any]:
    return ask(do, **{"annotator": "Bob", "session": BOBS, **more})


def test_the_second_annotator_gets_the_next_and_sees_who_is_at_the_first(desk: Reviewing, loop: FakeQueue) -> None:
    first, second, third, *_ = desk.act(HERE, ask())["ids"]
    view = desk.act(HERE, bobs())
    assert view["sample_id"] == second and first not in view["ids"] and "Ann is answering it" in view["queue"]
    assert "Bob is answering it" in desk.act(HERE, ask())["queue"]
    view = desk.act(HERE, ask("label", sample_id=first, label="neutral", next=second))
    assert view["sample_id"] == third  # the one below was Bob's
    assert "is answering" not in desk.act(HERE, bobs())["queue"].replace("Ann is answering it", "", 1)


def test_a_sample_that_another_is_at_is_not_opened_and_ones_own_stays(desk: Reviewing) -> None:
    first, second, *_ = desk.act(HERE, ask())["ids"]
    desk.act(HERE, bobs(sample_id=second))
    view = desk.act(HERE, ask(sample_id=second))
    assert view["refused"] and view["line"] == "You are given another one: Bob is answering it."
    assert view["sample_id"] == first
    desk.act(HERE, bobs(sample_id=second, annotator=""))
    assert "somebody is answering it" in desk.act(HERE, ask(sample_id=second))["line"]


def test_who_leaves_frees_the_sample(desk: Reviewing) -> None:
    first = desk.act(HERE, ask())["sample_id"]
    assert desk.act(HERE, bobs())["sample_id"] != first
    assert desk.leave(HERE, "", ANNS) is True
    assert desk.act(HERE, bobs(sample_id=first))["sample_id"] == first


def test_where_others_are_at_all_that_is_left_it_says_so(desk: Reviewing, loop: FakeQueue) -> None:
    first, *others = list(loop.items)
    for sample_id in others:
        desk.act(HERE, ask("unsure", sample_id=sample_id))
    assert desk.act(HERE, ask())["sample_id"] == first
    view = desk.act(HERE, bobs())
    assert (view["state"], view["waiting"], view["ids"]) == ("empty", 1, [])
    assert "Nothing is free" in view["sample"] and "Ann is answering it" in view["queue"]


def test_an_answer_to_what_another_is_at_counts_and_the_other_is_told(desk: Reviewing, loop: FakeQueue) -> None:
    first = desk.act(HERE, ask())["sample_id"]
    loop.correct(first, "positive", "script", "")
    view = desk.act(HERE, ask("label", sample_id=first, label="neutral"))
    assert view["refused"] and view["line"].startswith("script answered that one meanwhile: positive.")
    assert [correction.annotator for correction in loop.corrections] == ["script"]
    assert desk.act(HERE, ask(sample_id=first))["line"].startswith("script answered that one meanwhile")


def test_what_was_skipped_comes_after_all_others_and_again_and_again(desk: Reviewing, loop: FakeQueue) -> None:
    first, second, *others = list(loop.items)
    view = desk.act(HERE, ask("skip", sample_id=first, next=second))
    assert view["sample_id"] == second and view["ids"] == [second, *others, first] and view["waiting"] == 4
    assert view["heading"] == "4 waiting, 1 later" and "they come after all others" in view["queue"]
    for sample_id in (second, *others):
        view = desk.act(HERE, ask("label", sample_id=sample_id, label=loop.items[sample_id].item.label))
    assert (view["state"], view["sample_id"], view["waiting"]) == ("open", first, 0)
    assert "skipped before" in view["sample"]
    assert desk.act(HERE, ask("skip", sample_id=first))["sample_id"] == first
    view = desk.act(HERE, ask("label", sample_id=first, label="neutral"))
    assert (view["state"], view["refused"]) == ("empty", False)


def test_ones_own_answers_are_listed_opened_and_changed(desk: Reviewing, loop: FakeQueue) -> None:
    first, second, third, *_ = list(loop.items)
    desk.act(HERE, ask("label", sample_id=first, label="neutral"))
    desk.act(HERE, ask("skip", sample_id=second))
    desk.act(HERE, ask("label", sample_id=third, label="negative", annotator="Bob"))
    view = desk.act(HERE, ask(list="answered"))
    rows = view["queue"]
    assert rows.index(second) < rows.index(first) and third not in rows and f'datetime="{NOW}"' in rows
    assert "<b>neutral</b>" in rows and "<b>skipped</b>" in rows
    view = desk.act(HERE, ask(sample_id=first, list="answered", again=True))
    assert view["sample_id"] == first and view["again"] and view["accept"] == "" and not view["refused"]
    assert "your answer" in view["labels"] and "Answered before: neutral (Ann)." in view["sample"]
    view = desk.act(HERE, ask("skip", sample_id=first, list="answered", again=True))
    assert view["refused"] and "give another answer" in view["line"] and view["sample_id"] == first
    view = desk.act(HERE, ask("label", sample_id=first, label="positive", list="answered", again=True))
    assert view["line"] == "Changed: your answer is positive now." and view["sample_id"] == first and view["again"]
    assert "<b>positive</b>" in view["queue"]
    kept = [(correction.label, correction.annotator) for correction in loop.corrections]
    assert kept[::2] == [("neutral", "Ann"), ("positive", "Ann")]
    view = desk.act(HERE, ask(again=False))  # back to the queue
    assert not view["again"] and view["sample_id"] not in (first, third)


def test_what_was_skipped_is_answered_from_the_list(desk: Reviewing, loop: FakeQueue) -> None:
    first, second, *_ = list(loop.items)
    desk.act(HERE, ask("skip", sample_id=first))
    view = desk.act(HERE, ask(sample_id=first, list="answered", again=True))
    assert view["sample_id"] == first and "skipped before" in view["sample"]
    assert desk.act(HERE, bobs(sample_id=first))["sample_id"] == second  # it is kept like any other
    desk.act(HERE, ask("label", sample_id=first, label="neutral", list="answered", again=True))
    assert "<b>neutral</b>" in desk.act(HERE, ask(list="answered"))["queue"]


def test_an_answer_that_another_one_changed_says_what_counts(desk: Reviewing, loop: FakeQueue) -> None:
    first = next(iter(loop.items))
    desk.act(HERE, ask("label", sample_id=first, label="neutral"))
    loop.correct(first, "positive", "<Bob>", "")
    assert "now positive (&lt;Bob&gt;)" in desk.act(HERE, ask(list="answered"))["queue"]
    assert "your answer" not in desk.act(HERE, ask(sample_id=first, again=True))["labels"]


def test_whoever_has_given_no_name_is_asked_for_it_before_the_list(desk: Reviewing) -> None:
    assert "Type your name" in desk.act(HERE, ask(list="answered", annotator=" "))["queue"]
    assert "answered nothing yet" in desk.act(HERE, ask(list="answered"))["queue"]


def test_without_a_key_it_is_closed_beyond_loopback(loop: FakeQueue) -> None:
    view = Reviewing(loop, Door.of(Settings(server_name="0.0.0.0"))).act(HERE, ask(key="guess"))
    assert (view["state"], view["reason"]) == ("closed", "review_closed")


def test_thumbnails_are_small_and_only_of_what_waits(desk: Reviewing, loop: FakeQueue) -> None:
    ids = list(loop.items)
    urls = desk.thumbnails(HERE, "", [*ids, "unknown"])
    assert list(urls) == ids and all(url.startswith("data:image/jpeg") and len(url) < 6_000 for url in urls.values())


def test_one_task_alone_is_asked_about(desk: Reviewing, loop: FakeQueue) -> None:
    view = desk.act(HERE, ask(task="speech_emotion"))
    assert (view["waiting"], view["heading"], len(view["ids"])) == (5, "1 waiting", 1)
    assert (view["title"], view["asks"]) == ("Emotion in speech", "Which emotion is in this voice?")
    assert desk.act(HERE, ask(task="spoken_digits"))["state"] == "empty"
    assert len(desk.act(HERE, ask(task="nothing"))["ids"]) == 5
    assert desk.act(CHINESE, ask(task="sentiment"))["asks"] == "这给人的感觉是消极、中性还是积极？"
