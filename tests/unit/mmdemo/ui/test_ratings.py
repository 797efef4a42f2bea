"""What nobody can list is typed: in the answer card by whoever disputes, in the Review tab by whoever answers."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmdemo.errors import BadInput
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.maps.analysis import Looking
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.visits import Visit
from mmdemo.ui.review.controller import Reviewing
from mmdemo.ui.shell import render
from mmdemo.ui.status import status_view
from mmdemo.values.samples import Sample
from tests.kind_rows import registered
from tests.unit.mmdemo.ui import ratings
from tests.unit.mmdemo.ui.ratings import CAPTIONS, RatingQueue

HERE: Any = SimpleNamespace(headers={"host": "127.0.0.1:7860"})
TOKEN = "0" * 32
SOUP, AGAIN, FAIR = CAPTIONS


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[RatingQueue]:
    with registered(ratings.KIND, ratings.ROWS):
        yield RatingQueue(tmp_path)


@pytest.fixture
def review(loop: RatingQueue) -> Reviewing:
    return Reviewing(loop, Door.of(Settings()))


def ask(do: str = "look", **more: Any) -> dict[str, Any]:
    return {"do": do, "annotator": "Ann", "session": "a" * 32, **more}


def id_of(loop: RatingQueue, caption: str) -> str:
    return next(entry.item.sample_id for entry in loop.items.values() if entry.item.text == caption)


def field_of(html: str) -> dict[str, str]:
    """Return the attributes of the one field in it."""
    [field] = re.findall(r"<input [^>]*>", html)
    return dict(re.findall(r'([\w-]+)="([^"]*)"', field))


def answered(loop: RatingQueue, desk: PredictController) -> dict[str, Any]:
    """Return what the page shows of an answered visit."""
    desk.visits.begin(TOKEN, Visit("stars", Sample(text=SOUP), keep=None))
    return desk.predict(TOKEN, HERE)


def test_the_field_stands_in_place_of_the_buttons_and_holds_the_guess(review: Reviewing, loop: RatingQueue) -> None:
    view = review.act(HERE, ask())
    field = field_of(view["labels"])
    assert (field["value"], field["inputmode"], field["type"]) == ("1.5", "decimal", "text")
    assert "1.5 ★: guess, 40 %" in view["labels"] and "mm-rv-choice" not in view["labels"]
    assert f'for="{field["id"]}"' in view["labels"]  # a name for whoever does not see it
    assert (view["accept"], view["keys"], view["guess"]) == ("1.5", {}, "1.5")
    assert view["asks"] == "How many stars does it give?"


def test_a_task_without_labels_and_words_of_its_own_still_asks(loop: RatingQueue) -> None:
    task = dataclasses.replace(loop.tasks["stars"], question={})
    assert [task.display_question(language) for language in ("en", "zh")] == ["Stars: what is it?", "Stars：是什么？"]


@pytest.mark.parametrize(("caption", "hide"), [(AGAIN, False), (SOUP, True), (FAIR, True)])
def test_a_blind_field_is_empty_and_tells_nothing(
    review: Reviewing, loop: RatingQueue, caption: str, hide: bool
) -> None:
    view = review.act(HERE, ask(sample_id=id_of(loop, caption), hide=hide))
    assert field_of(view["labels"])["value"] == "" and "★" not in view["labels"]
    assert view["accept"] == view["guess"] == ""


def test_what_a_visitor_suggested_stands_in_the_field(review: Reviewing, loop: RatingQueue) -> None:
    view = review.act(HERE, ask(sample_id=id_of(loop, FAIR)))
    assert field_of(view["labels"])["value"] == view["accept"] == "3.5"
    assert "3.5 ★: a visitor says so" in view["labels"] and "3 ★: guess, 50 %" in view["labels"]


def test_each_sample_has_a_field_of_its_own(review: Reviewing, loop: RatingQueue) -> None:
    """Two blind samples look alike: the page must not leave in the second what was typed for the first."""
    views = [review.act(HERE, ask(sample_id=sample_id, hide=True))["labels"] for sample_id in loop.items]
    assert len(set(views)) == len(views)


def test_what_is_typed_is_stored_in_its_one_form(review: Reviewing, loop: RatingQueue) -> None:
    view = review.act(HERE, ask("label", sample_id=id_of(loop, SOUP), label="02.50", note="cold"))
    made = loop.corrections[0]
    assert (made.label, made.note, made.predicted_label) == ("2.5", "cold", "1.5")
    assert view["line"] == "You said 2.5 ★; the model had guessed 1.5 ★, 40 %."
    listed = review.act(HERE, ask(list="answered"))["queue"]
    assert "2.5 ★" in listed


def test_what_is_no_answer_is_refused_and_the_sample_stays(review: Reviewing, loop: RatingQueue) -> None:
    view = review.act(HERE, ask("label", sample_id=id_of(loop, SOUP), label="9"))
    assert view["refused"] and "a number from 0 to 5" in view["line"] and loop.corrections == []
    assert view["sample_id"] == id_of(loop, SOUP)


def test_the_guess_can_be_right_for_the_wrong_reason(review: Reviewing, loop: RatingQueue) -> None:
    view = review.act(HERE, ask("label", sample_id=id_of(loop, SOUP), label="1.5", wrong_reason=True))
    assert view["line"] == "You said 1.5 ★, as the model had guessed, but for the wrong reason."


def test_whoever_changes_an_answer_finds_it_in_the_field(review: Reviewing, loop: RatingQueue) -> None:
    soup = id_of(loop, SOUP)
    review.act(HERE, ask("label", sample_id=soup, label="2"))
    view = review.act(HERE, ask(sample_id=soup, list="answered", again=True))
    assert field_of(view["labels"])["value"] == "2" and "2 ★: your answer" in view["labels"]
    assert view["accept"] == ""
    line = review.act(HERE, ask("label", sample_id=soup, label="3", again=True))["line"]
    assert line == "Changed: your answer is 3 ★ now."


def test_the_answer_card_shows_the_value_and_how_sure_and_takes_another(loop: RatingQueue) -> None:
    desk = PredictController(loop, Settings())
    view = answered(loop, desk)
    assert "4 ★" in view["answer"] and "50 % sure" in view["answer"] and "mm-bar" not in view["answer"]
    assert view["json"]["label"] == "4" and "4 ★" in view["aloud"]
    field = field_of(view["answer"])
    assert field["inputmode"] == "decimal" and f'for="{field["id"]}"' in view["answer"]
    assert "data-suggest" not in view["answer"]
    with pytest.raises(BadInput, match="a number from 0 to 5"):
        desk.dispute(TOKEN, "many", HERE)
    view = desk.dispute(TOKEN, "3.50", HERE)
    assert loop.stored[0][2] == "3.5" and "3.5 ★" in view["answer"]


def test_where_no_share_can_be_told_no_what_if_is_offered(loop: RatingQueue) -> None:
    desk = PredictController(loop, Settings())
    view = answered(loop, desk)
    assert "mm-map" in view["map"] and "what-if" not in view["map"]
    looking = Looking(loop, desk.visits)
    assert looking.what_if(TOKEN, [0], [], HERE) == {"percents": {}, "widths": {}, "sentence": ""}


def test_the_status_lists_no_answers_that_cannot_be_listed(loop: RatingQueue) -> None:
    shown = status_view.view(loop.status("stars"), loop.tasks["stars"], True, "en")
    html = render.html("status_cards", "en", view=shown)
    assert shown.labels == () and ">Answers</h2>" in html and "label<" not in html and "mm-st-bars" not in html
