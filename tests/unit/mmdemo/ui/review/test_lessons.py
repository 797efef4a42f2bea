"""What a reviewer is shown of a lesson, and what strangers are not."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from mmdemo.errors import BadInput, NotAllowed
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.review.lessons import Lessons
from mmdemo.values.history import BEHAVIOUR, GOLDEN, HELD_OUT, Lesson, LessonPart, TurnedAnswer
from mmdemo.values.review import browser_mark
from mmdemo.values.samples import Sample
from tests.unit.mmdemo.ui.fake import FakeLoop

TOKEN = "a" * 32
ENGLISH: Any = SimpleNamespace(headers={"host": "localhost", "accept-language": "en"})
CHINESE: Any = SimpleNamespace(headers={"host": "localhost", "accept-language": "zh-CN"})


def lesson(folder: Path) -> Lesson:
    Image.new("RGB", (90, 60), "red").save(folder / "red.png")
    sample = Sample(image=folder / "red.png", text="<b>Rain</b>")
    turned = (
        TurnedAnswer("s-1", sample, False, "neutral", "positive", "neutral", True),
        TurnedAnswer("s-2", sample, False, "neutral", "neutral", "positive", False),
    )
    test = TurnedAnswer("", Sample(text="not bad"), False, "positive", "negative", "positive", True)
    parts = (
        LessonPart(HELD_OUT, 20, 4, 18, 15, 1, turned),
        LessonPart(GOLDEN, 0, 0, 0, 0, 0, ()),
        LessonPart(BEHAVIOUR, 40, 30, 29, 1, 2, (test,)),
    )
    return Lesson("sentiment", "v-7", ("a", "b"), 3, 4.26, parts)


def lessons(loop: FakeLoop, **settings: object) -> Lessons:
    return Lessons(loop, Door.of(Settings(**settings)))


def test_it_is_shown_before_and_after_with_what_turned(tmp_path: Path) -> None:
    loop = FakeLoop()
    loop.lessons["sentiment"] = lesson(tmp_path)
    answer = lessons(loop).lesson(ENGLISH, "", "sentiment", "Ann")
    page = answer["html"]
    assert answer["ids"] == ["a", "b"] and loop.lessons_asked_for == [("sentiment", "Ann")]
    assert "v-7 was taught 2 of your answers in 4.3 s." in page and "3 more are set aside" in page
    assert "4 of 20" in page and '<td class="mm-ls-better">18 of 20' in page
    assert '<td class="mm-ls-worse">29 of 40' in page and "15 turned right, 1 turned wrong" in page
    assert "Turned right: 15" in page and "Turned wrong: 1" in page
    assert page.count("data:image/") == 2 and "&lt;b&gt;Rain" in page
    assert page.count("data-pin=") == 2  # a test of behaviour cannot be pinned
    chinese = lessons(loop).lesson(CHINESE, "", "sentiment", "Ann")["html"]
    assert "4 / 20" in chinese and "turned right" not in chinese


def test_without_a_task_it_is_that_of_the_newest_answer(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not given an answer yet"):
        lessons(FakeLoop()).lesson(ENGLISH, "", "", "Ann")


def test_answers_are_taken_back_in_the_browser_that_gave_them() -> None:
    loop = FakeLoop()
    ended = lessons(loop).unteach(ENGLISH, "", ["a", "b"], "Ann", TOKEN)
    assert ended["line"].startswith("2 answer(s)")
    assert loop.taken_back == [(("a", "b"), "Ann", browser_mark(TOKEN))]


def test_strangers_teach_nothing() -> None:
    desk = lessons(FakeLoop(), review_key="secret-of-twelve")
    for call in (
        lambda: desk.lesson(ENGLISH, "", "sentiment", "Ann"),
        lambda: desk.unteach(ENGLISH, "", ["a"], "Ann", TOKEN),
    ):
        with pytest.raises(NotAllowed):
            call()
