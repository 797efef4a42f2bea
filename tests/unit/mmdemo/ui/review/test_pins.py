"""The button that pins a corrected sample: for reviewers, with a name, and it says what came of it."""

from types import SimpleNamespace
from typing import Any

import pytest

from mmdemo import tasks
from mmdemo.errors import BadInput, NotAllowed
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.review import answered_view
from mmdemo.ui.review.pins import GoldenPins
from mmdemo.ui.shell import render
from mmdemo.values.review import Answered, Correction, QueueItem
from tests.unit.mmdemo.ui.fake import FakeLoop
from tests.unit.mmdemo.ui.fake_queue import NOW

HERE: Any = SimpleNamespace(headers={"host": "localhost"})
THERE: Any = SimpleNamespace(headers={"host": "example.org"})
TASKS = {"sentiment": tasks.get("sentiment")}


def item(is_golden: bool) -> QueueItem:
    return QueueItem("s-1", "sentiment", "positive", 0.4, "audit", "labelled", NOW, None, "rain", is_golden=is_golden)


def listed(is_golden: bool, standing: bool = True) -> str:
    said = Correction("s-1", "sentiment", "neutral", "Ann", "", NOW, "positive", "base")
    answer = Answered(item(is_golden), "labelled", NOW, "neutral", said if standing else None)
    rows = answered_view.rows([answer], TASKS, "", "en")
    return render.html("review_answered", "en", rows=rows, named=True)


def test_a_reviewer_pins_and_takes_it_back() -> None:
    loop = FakeLoop()
    pins = GoldenPins(loop, Door.of(Settings()))
    pinned = pins.pin(HERE, "", "s-1", True, "Ann")
    assert (pinned["golden"], pinned["label"]) == (True, "Pinned") and "not trained on" in pinned["line"]
    assert pins.pin(HERE, "", "s-1", False, "Ann")["label"] == "Pin"
    assert loop.pins == [("s-1", True, "Ann"), ("s-1", False, "Ann")]


def test_a_stranger_pins_nothing_and_neither_does_what_is_no_answer() -> None:
    loop = FakeLoop()
    pins = GoldenPins(loop, Door.of(Settings()))
    with pytest.raises(NotAllowed):
        pins.pin(THERE, "", "s-1", True, "Ann")
    with pytest.raises(BadInput):
        pins.pin(HERE, "", "s-1", "true", "Ann")  # type: ignore[arg-type]
    assert loop.pins == []


def test_an_answer_is_pinned_from_the_list_as_long_as_one_counts() -> None:
    assert 'data-pin="s-1" aria-pressed="false"' in listed(False)
    assert 'data-pin="s-1" aria-pressed="true"' in listed(True)
    assert "data-pin" not in listed(True, standing=False)
