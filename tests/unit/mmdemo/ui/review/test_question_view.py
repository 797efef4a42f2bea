"""What the Review tab asks: guesses, suggestions, blindness, keys and the lines that are said, as plain values."""

import dataclasses
from pathlib import Path

import pytest

from mmdemo import tasks
from mmdemo.tasks import Gate, Label
from mmdemo.ui.review import question_view
from mmdemo.values.review import Correction, ReviewItem, Status
from tests.unit.mmdemo.ui.fake_queue import CAPTIONS, NOW, FakeQueue

TASK = tasks.get("sentiment")
RAIN, SCHOOL, BAKERY, GRANDFATHER = CAPTIONS


@pytest.fixture
def loop(tmp_path: Path) -> FakeQueue:
    return FakeQueue(tmp_path)


def entry(loop: FakeQueue, caption: str) -> ReviewItem:
    return next(entry for entry in loop.items.values() if entry.item.text == caption)


def test_the_guess_stands_beside_its_label_and_enter_accepts_it(loop: FakeQueue) -> None:
    choices = question_view.question(entry(loop, RAIN), TASK, False, "en").choices
    assert [(c.label, c.key, c.aside, c.accept) for c in choices] == [
        ("negative", "1", "guess, 48 %", True),
        ("neutral", "2", "", False),
        ("positive", "3", "", False),
    ]


def test_a_guess_that_is_only_a_guess_has_no_percentage(loop: FakeQueue) -> None:
    waiting = entry(loop, RAIN)
    capped = dataclasses.replace(waiting, item=dataclasses.replace(waiting.item, reason="unfamiliar", capped=True))
    assert [c.aside for c in question_view.question(capped, TASK, False, "en").choices] == ["only a guess", "", ""]
    [row] = question_view.rows([capped.item], {"sentiment": TASK}, "", "en")
    assert row.about == "Sentiment · only a guess · new"
    correction = Correction("s", "sentiment", "neutral", "Bob", "", NOW, "negative", "v")
    assert (
        question_view.told(capped, correction, TASK, "en")
        == "You said neutral; the model had guessed negative, only a guess."
    )


def test_enter_confirms_what_a_visitor_suggested(loop: FakeQueue) -> None:
    choices = question_view.question(entry(loop, GRANDFATHER), TASK, False, "en").choices
    assert [(c.label, c.aside) for c in choices if c.accept] == [("positive", "a visitor says so")]
    assert choices[0].aside == "guess, 58 %"


def test_a_suggestion_that_is_no_longer_a_label_is_not_offered(loop: FakeQueue) -> None:
    gone = entry(loop, GRANDFATHER)
    gone = dataclasses.replace(gone, item=dataclasses.replace(gone.item, suggested="mixed"))
    assert [c.label for c in question_view.question(gone, TASK, False, "en").choices if c.accept] == ["negative"]


def test_a_check_is_asked_about_as_one_whatever_its_visitor_said(loop: FakeQueue) -> None:
    checked = entry(loop, BAKERY)
    disputed = dataclasses.replace(
        checked, item=dataclasses.replace(checked.item, reason="disputed", suggested="positive")
    )
    assert question_view.question(disputed, TASK, False, "en") == question_view.question(checked, TASK, False, "en")


@pytest.mark.parametrize(("caption", "hide"), [(BAKERY, False), (RAIN, True), (GRANDFATHER, True)])
def test_a_blind_question_tells_nothing_of_the_guess(loop: FakeQueue, caption: str, hide: bool) -> None:
    before = Correction("s", "sentiment", "neutral", "Bob", "", NOW, "negative", "v")
    answered = dataclasses.replace(entry(loop, caption), corrections=(before,))
    asked = question_view.question(answered, TASK, hide, "en")
    assert asked.blind and not asked.notes and not asked.earlier
    assert [(c.aside, c.accept) for c in asked.choices] == [("", False)] * 3


def test_earlier_answers_are_told(loop: FakeQueue) -> None:
    before = Correction("s", "sentiment", "neutral", "Bob", "", NOW, "negative", "v")
    answered = dataclasses.replace(entry(loop, RAIN), corrections=(before,))
    assert question_view.question(answered, TASK, False, "en").earlier == ("Answered before: neutral (Bob).",)
    marked = dataclasses.replace(
        answered, corrections=(dataclasses.replace(before, label="negative", wrong_reason=True),)
    )
    [line] = question_view.question(marked, TASK, False, "en").earlier
    assert line == "Answered before: negative, but for the wrong reason (Bob)."


def test_ones_own_answer_is_shown_while_it_counts_whoever_answered_since(loop: FakeQueue) -> None:
    own, later = (Correction("s", "sentiment", "neutral", who, "", NOW, "negative", "v") for who in ("Ann", "Bob"))
    shown = entry(loop, RAIN)
    item = dataclasses.replace(shown.item, state="labelled")

    def asides(*said: Correction) -> list[str]:
        opened = dataclasses.replace(shown, item=item, corrections=said)
        return [choice.aside for choice in question_view.question(opened, TASK, False, "en", "Ann").choices]

    assert any(asides(own)) and asides(own, later) == asides(own)
    outvoted = dataclasses.replace(own, counts=False)
    assert asides(outvoted, dataclasses.replace(later, label="positive")) == asides(later)


def test_a_second_look_tells_nothing_of_the_answer_that_it_doubts(loop: FakeQueue) -> None:
    before = Correction("s", "sentiment", "neutral", "Bob", "", NOW, "negative", "v")
    item = dataclasses.replace(entry(loop, RAIN).item, reason="second_look")
    doubted = dataclasses.replace(entry(loop, RAIN), item=item, corrections=(before,))
    for annotator in ("Ann", "Bob"):
        asked = question_view.question(doubted, TASK, False, "en", annotator)
        assert asked.blind and not asked.earlier and not asked.typed
        assert [(c.aside, c.accept) for c in asked.choices] == [("", False)] * 3
        assert asked.facts[0] == "asked again: its answer does not fit the others"
    labelled = dataclasses.replace(doubted, item=dataclasses.replace(item, state="labelled"))  # opened to be changed
    assert [c.aside for c in question_view.question(labelled, TASK, False, "en", "Bob").choices] == [
        "",
        "your answer",
        "",
    ]


def test_only_a_guess_whose_map_is_seen_can_be_right_for_the_wrong_reason(loop: FakeQueue) -> None:
    question = entry(loop, RAIN)
    assert question_view.question(question, TASK, False, "en").guess == "negative"
    assert question_view.question(question, TASK, True, "en").guess == ""
    without = dataclasses.replace(question, prediction=dataclasses.replace(question.prediction, explanation=None))
    assert question_view.question(without, TASK, False, "en").guess == ""


def test_labels_are_called_as_the_reader_calls_them(loop: FakeQueue) -> None:
    asked = question_view.question(entry(loop, RAIN), TASK, False, "zh")
    assert (asked.choices[0].label, asked.choices[0].name) == ("negative", "消极")
    assert asked.choices[0].aside == "猜测，48%"


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["a", "b"], {"a": "1", "b": "2"}),
        (["3", "0", "7"], {"3": "3", "0": "0", "7": "7"}),
        (["0", "10"], {"0": "1", "10": "2"}),
        ([f"l{n}" for n in range(12)], {f"l{n}": str((n + 1) % 10) for n in range(10)}),
    ],
)
def test_keys_follow_the_order_unless_labels_are_digits(labels: list[str], expected: dict[str, str]) -> None:
    assert question_view.keys(labels) == expected


def test_after_an_answer_the_guess_may_be_known(loop: FakeQueue) -> None:
    asked = entry(loop, BAKERY)
    correction = Correction("s", "sentiment", "positive", "Bob", "", NOW, "negative", "v")
    assert (
        question_view.told(asked, correction, TASK, "en") == "You said positive; the model had guessed negative, 97 %."
    )
    correction = dataclasses.replace(correction, label="negative")
    assert question_view.told(asked, correction, TASK, "en") == "You said negative, as the model had guessed."


def test_the_queue_says_task_confidence_and_reason(loop: FakeQueue) -> None:
    rows = question_view.rows(loop.queue("", 9), loop.tasks, entry(loop, SCHOOL).item.sample_id, "en")
    assert [(row.title, row.about) for row in rows[:2]] == [
        (RAIN, "Sentiment · 48 % · unsure"),
        ("Sound", "Emotion in speech · only a guess · new"),
    ]
    assert [row.current for row in rows] == [False, False, True, False, False]


@pytest.mark.parametrize(
    ("held_out", "sentence"),
    [
        (8, "5 answered today · about 40 more for “Sentiment” and tonight's training has enough to decide"),
        (20, "5 answered today · tonight's training has enough to decide about “Sentiment”"),
        (31, "5 answered today · tonight's training has enough to decide about “Sentiment”"),
    ],
)
def test_what_tonight_still_needs_counts_answers_not_those_set_aside(held_out: int, sentence: str) -> None:
    task = dataclasses.replace(TASK, gate=Gate(minimum=20, held_out_share=0.3))
    status = Status("sentiment", {}, {}, {}, (), None, None, held_out, 20)
    assert question_view.progress(5, status, task, "en") == sentence


def test_random_checks_that_are_missing_are_said_once_enough_is_set_aside() -> None:
    status = Status("sentiment", {}, {}, {}, (), None, None, 20, 20, checks_missing=4)
    said = "5 answered today · 4 more random checks of sure answers for “Sentiment” and tonight's training"
    assert question_view.progress(5, status, TASK, "en").startswith(said)
    fewer = dataclasses.replace(status, held_out=8)
    assert "random checks" not in question_view.progress(5, fewer, TASK, "en")


def test_a_label_without_a_display_name_is_called_by_its_own(loop: FakeQueue) -> None:
    task = dataclasses.replace(TASK, labels=(Label("negative", {}), Label("<b>", {"zh": "x"})))
    assert [c.name for c in question_view.question(entry(loop, RAIN), task, False, "en").choices] == ["negative", "<b>"]


def test_none_of_these_has_a_key_of_its_own(loop: FakeQueue) -> None:
    task = dataclasses.replace(TASK, none_of_these=True)
    choices = question_view.question(entry(loop, RAIN), task, False, "en").choices
    assert [(c.name, c.key) for c in choices] == [*zip(TASK.label_names, "123", strict=True), ("None of these", "X")]
    digits = dataclasses.replace(tasks.get("spoken_digits"), none_of_these=True)
    assert question_view.keys(digits.answers) == {**{str(n): str(n) for n in range(10)}, "none_of_these": "X"}
    guessed = entry(loop, RAIN)
    guessed = dataclasses.replace(guessed, item=dataclasses.replace(guessed.item, label="none_of_these"))
    asked = question_view.question(guessed, task, False, "zh")
    assert [c.name for c in asked.choices if c.accept] == ["都不是"] and asked.guess == "none_of_these"
