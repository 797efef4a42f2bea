"""What nobody can list is typed: in the answer card by whoever disputes, in the Review tab by whoever answers."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mmdemo import decode, tasks
from mmdemo.errors import BadInput
from mmdemo.settings import Settings
from mmdemo.ui.callers.access import Door
from mmdemo.ui.maps.analysis import Looking
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.visits import Visit
from mmdemo.ui.review.controller import Reviewing
from mmdemo.ui.shell import render
from mmdemo.ui.status import status_view
from mmdemo.values.analysis import Alike, ExplanationSet, ForwardPass, Near
from mmdemo.values.review import QueueItem, ReviewItem, SampleState, VersionInfo
from mmdemo.values.samples import FlagReason, Inputs, Prediction, Sample
from tests import number_kind
from tests.number_kind import NumberAnswer
from tests.unit.mmdemo.ui.fake import VERSION, explanation
from tests.unit.mmdemo.ui.fake_queue import NOW, FakeQueue

HERE: Any = SimpleNamespace(headers={"host": "127.0.0.1:7860"})
TOKEN = "0" * 32
TASK_FILE = """
name = "heights"
kind = "number"
title = "Heights"
question = "How many metres is it high?"
modalities = ["text"]
languages = ["en"]
threshold = 0.6
"""
CAPTIONS = {  # caption → guess, confidence, reason, suggested value
    "A wall": (1.5, 0.4, "low_confidence", None),
    "A house": (4.0, 0.9, "audit", None),
    "A hedge": (3.0, 0.5, "disputed", "3.5"),
}
WALL, HOUSE, HEDGE = CAPTIONS


class NumberQueue(FakeQueue):
    """Three captions wait for a number; whatever is asked is answered with 4, not surely."""

    def _samples(self) -> list[ReviewItem]:
        path = self.folder / "heights.toml"
        path.write_text(TASK_FILE, encoding="utf-8")
        self.tasks = {"heights": tasks.load_file(path)}
        return [self._waiting(caption, *doubt) for caption, doubt in CAPTIONS.items()]

    def predict(
        self, task: str, inputs: Inputs, explain: str, keep: bool, caller: str = ""
    ) -> tuple[Prediction, ForwardPass]:
        """Answer 4."""
        return self._prediction(inputs, 4.0, 0.5, "low_confidence"), ForwardPass(VERSION, inputs, None, 0)

    def study(self, task: str, forward: ForwardPass) -> ExplanationSet:
        """Return the one map that there is."""
        return ExplanationSet(VERSION, (explanation(forward.inputs, "4"),), None)

    def alike(self, task: str, forward: ForwardPass, k: int, reviewer: bool) -> Alike:
        """Return a sample that was answered."""
        near = Near("s-9", "corrections", "4.5", 1.5, 0.4, "text", "text", "A fence", "", "")
        return Alike(VERSION, (near,), {})

    def _prediction(self, inputs: Inputs, number: float, confidence: float, reason: str) -> Prediction:
        task = self.tasks["heights"]
        answer = NumberAnswer(number, 2.0)
        return Prediction(
            sample_id=decode.sample_id(inputs, task.name),
            task=task.name,
            kind=task.kind,
            answer=answer,
            confidence=confidence,
            threshold=task.threshold,
            flagged=True,
            reason=reason,
            modalities=inputs.modalities,
            model_version=VERSION,
            latency_ms=3.0,
            explanation=explanation(inputs, answer.value),
        )

    def _waiting(
        self, caption: str, number: float, confidence: float, reason: str, suggested: str | None
    ) -> ReviewItem:
        answer = self._prediction(
            decode.decode(Sample(text=caption), self.tasks["heights"]), number, confidence, reason
        )
        about = (
            answer.sample_id,
            "heights",
            answer.label,
            confidence,
            reason,
            SampleState.QUEUED,
            NOW,
            suggested,
            caption,
        )
        return ReviewItem(QueueItem(*about, checks=reason == FlagReason.AUDIT), answer)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[NumberQueue]:
    with number_kind.registered():
        yield NumberQueue(tmp_path)


@pytest.fixture
def review(loop: NumberQueue) -> Reviewing:
    return Reviewing(loop, Door.of(Settings()))


def ask(do: str = "look", **more: Any) -> dict[str, Any]:
    return {"do": do, "annotator": "Ann", "session": "a" * 32, **more}


def id_of(loop: NumberQueue, caption: str) -> str:
    return next(entry.item.sample_id for entry in loop.items.values() if entry.item.text == caption)


def field_of(html: str) -> dict[str, str]:
    """Return the attributes of the one field in it."""
    [field] = re.findall(r"<input [^>]*>", html)
    return dict(re.findall(r'([\w-]+)="([^"]*)"', field))


def answered(loop: NumberQueue, desk: PredictController) -> dict[str, Any]:
    """Return what the page shows of an answered visit."""
    desk.visits.begin(TOKEN, Visit("heights", Sample(text=WALL), keep=None))
    return desk.predict(TOKEN, HERE)


def test_the_field_stands_in_place_of_the_buttons_and_holds_the_guess(review: Reviewing, loop: NumberQueue) -> None:
    view = review.act(HERE, ask())
    field = field_of(view["labels"])
    assert (field["value"], field["inputmode"], field["type"]) == ("1.5", "decimal", "text")
    assert "1.5: guess, 40 %" in view["labels"] and "mm-rv-choice" not in view["labels"]
    assert f'for="{field["id"]}"' in view["labels"]  # a name for whoever does not see it
    assert (view["accept"], view["keys"], view["guess"]) == ("1.5", {}, "1.5")
    assert view["asks"] == "How many metres is it high?"


def test_a_task_without_labels_and_words_of_its_own_still_asks(loop: NumberQueue) -> None:
    task = dataclasses.replace(loop.tasks["heights"], question={})
    assert [task.display_question(language) for language in ("en", "zh")] == [
        "Heights: what is it?",
        "Heights：是什么？",
    ]


@pytest.mark.parametrize(("caption", "hide"), [(HOUSE, False), (WALL, True), (HEDGE, True)])
def test_a_blind_field_is_empty_and_tells_nothing(
    review: Reviewing, loop: NumberQueue, caption: str, hide: bool
) -> None:
    view = review.act(HERE, ask(sample_id=id_of(loop, caption), hide=hide))
    assert field_of(view["labels"])["value"] == "" and "guess" not in view["labels"]
    assert view["accept"] == view["guess"] == ""


def test_what_a_visitor_suggested_stands_in_the_field(review: Reviewing, loop: NumberQueue) -> None:
    view = review.act(HERE, ask(sample_id=id_of(loop, HEDGE)))
    assert field_of(view["labels"])["value"] == view["accept"] == "3.5"
    assert "3.5: a visitor says so" in view["labels"] and "3: guess, 50 %" in view["labels"]


def test_each_sample_has_a_field_of_its_own(review: Reviewing, loop: NumberQueue) -> None:
    """Two blind samples look alike: the page must not leave in the second what was typed for the first."""
    views = [review.act(HERE, ask(sample_id=sample_id, hide=True))["labels"] for sample_id in loop.items]
    assert len(set(views)) == len(views)


def test_what_is_typed_is_stored_in_its_one_form(review: Reviewing, loop: NumberQueue) -> None:
    view = review.act(HERE, ask("label", sample_id=id_of(loop, WALL), label="02.50", note="brick"))
    [correction] = loop.corrections
    assert (correction.label, correction.note, correction.predicted_label) == ("2.5", "brick", "1.5")
    assert view["line"] == "You said 2.5; the model had guessed 1.5, 40 %."
    listed = review.act(HERE, ask(list="answered"))["queue"]
    assert "2.5" in listed


def test_what_is_no_answer_is_refused_and_the_sample_stays(review: Reviewing, loop: NumberQueue) -> None:
    view = review.act(HERE, ask("label", sample_id=id_of(loop, WALL), label="tall"))
    assert view["refused"] and "a number" in view["line"] and loop.corrections == []
    assert view["sample_id"] == id_of(loop, WALL)


def test_the_guess_can_be_right_for_the_wrong_reason(review: Reviewing, loop: NumberQueue) -> None:
    view = review.act(HERE, ask("label", sample_id=id_of(loop, WALL), label="1.5", wrong_reason=True))
    assert view["line"] == "You said 1.5, as the model had guessed, but for the wrong reason."


def test_whoever_changes_an_answer_finds_it_in_the_field(review: Reviewing, loop: NumberQueue) -> None:
    wall = id_of(loop, WALL)
    review.act(HERE, ask("label", sample_id=wall, label="2"))
    view = review.act(HERE, ask(sample_id=wall, list="answered", again=True))
    assert field_of(view["labels"])["value"] == "2" and "2: your answer" in view["labels"]
    assert view["accept"] == ""
    line = review.act(HERE, ask("label", sample_id=wall, label="3", again=True))["line"]
    assert line == "Changed: your answer is 3 now."


def test_the_answer_card_shows_the_value_and_how_sure_and_takes_another(loop: NumberQueue) -> None:
    desk = PredictController(loop, Settings())
    view = answered(loop, desk)
    assert "4" in view["answer"] and "50 % sure" in view["answer"] and "mm-bar" not in view["answer"]
    assert view["json"]["label"] == 4.0 and "4" in view["aloud"]
    field = field_of(view["answer"])
    assert field["inputmode"] == "decimal" and f'for="{field["id"]}"' in view["answer"]
    assert "data-suggest" not in view["answer"]
    with pytest.raises(BadInput, match="a number"):
        desk.dispute(TOKEN, "many", HERE)
    view = desk.dispute(TOKEN, "3.50", HERE)
    assert loop.stored[0][2] == "3.5" and "3.5" in view["answer"]


def test_the_answer_itself_is_no_dispute_however_it_is_typed(loop: NumberQueue) -> None:
    desk = PredictController(loop, Settings())
    answered(loop, desk)
    for typed in ("4", "4.0", " 04 "):
        with pytest.raises(BadInput, match="That is the answer already: 4"):
            desk.dispute(TOKEN, typed, HERE)
    assert loop.stored == []


def test_where_no_share_can_be_told_no_what_if_is_offered(loop: NumberQueue) -> None:
    desk = PredictController(loop, Settings())
    view = answered(loop, desk)
    assert "mm-map" in view["map"] and "what-if" not in view["map"]
    looking = Looking(loop, desk.visits)
    assert looking.what_if(TOKEN, [0], [], HERE) == {"percents": {}, "widths": {}, "sentence": ""}


def test_the_status_lists_no_answers_that_cannot_be_listed(loop: NumberQueue) -> None:
    shown = status_view.view(loop.status("heights"), loop.tasks["heights"], True, "en")
    html = render.html("status_cards", "en", view=shown)
    assert shown.labels == () and ">Answers</h2>" in html and "label<" not in html and "mm-st-bars" not in html


def test_versions_are_listed_with_the_figures_of_their_kind(loop: NumberQueue) -> None:
    measured = VersionInfo(VERSION, NOW, None, True, {"accuracy": 0.86, "squared_error": 1.25, "macro_f1": 0.8})
    status = dataclasses.replace(loop.status("heights"), versions=(measured,))
    shown = status_view.view(status, loop.tasks["heights"], True, "en")
    assert (shown.figures, shown.versions[0].figures) == (("accuracy", "squared error"), ("86 %", "1.250"))
