"""A closer look goes back to the visit's own sample, tells what stands there, and keeps nothing."""

from dataclasses import replace
from typing import Any

import pytest

from mmdemo.errors import BadInput, UnknownName
from mmdemo.settings import Settings
from mmdemo.ui.maps.analysis import Looking
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.intake import Intake
from mmdemo.values.analysis import ExplanationSet, ForwardPass, Interaction
from mmdemo.values.samples import Inputs
from tests.unit.mmdemo.ui.fake import CHINESE, ENGLISH, FakeLoop

ONE, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def desk(loop: FakeLoop) -> PredictController:
    """Where one visitor was answered."""
    desk = PredictController(loop, Settings())
    Intake(loop, Settings(), desk.visits).begin(ONE, "sentiment", "smiling <b>", None, None, False, "", [])
    desk.predict(ONE, ENGLISH)
    return desk


@pytest.fixture
def looking(desk: PredictController) -> Looking:
    return Looking(desk.services, desk.visits)


def test_a_map_that_does_not_tell_labels_apart_is_offered_once(looking: Looking) -> None:
    offered = [(each["method"], each["why"]) for each in looking.study(ONE, ENGLISH)["maps"]]
    assert offered == [
        ("relevance", "why negative"),
        ("relevance", "why neutral"),
        ("relevance", "why positive"),
        ("attention", "for any answer"),
    ]


def test_sentences_follow_the_map_in_the_readers_language(looking: Looking) -> None:
    english, chinese = (looking.study(ONE, language)["maps"][2] for language in (ENGLISH, CHINESE))
    assert english["sentence"].startswith("For <bdi>positive</bdi> spoke mostly ")
    assert chinese["sentence"].startswith("支持“<bdi>积极</bdi>”的主要是")
    assert "<b>" not in english["sentence"]


class Studied(FakeLoop):
    """Changes what a study tells."""

    def __init__(self, **changes: Any) -> None:
        super().__init__()
        self.changes = changes

    def study(self, task: str, forward: ForwardPass) -> ExplanationSet:
        """Return a study with other values."""
        return replace(super().study(task, forward), **self.changes)


def test_what_met_what_is_shipped_as_it_is(desk: PredictController) -> None:
    interaction = Interaction(1, 1, 2, bytes([1, 2]), bytes([255, 0, 0, 255]))
    looking = Looking(Studied(attended=interaction), desk.visits)
    attended = looking.study(ONE, ENGLISH)["attended"]
    assert attended == {"layers": 1, "heads": 1, "units": 2, "answer": "AQI=", "met": "/wAA/w=="}


def test_what_is_alike_is_shown_as_text_and_nothing_that_was_corrected(looking: Looking, loop: FakeLoop) -> None:
    html = looking.alike(ONE, ENGLISH)["html"]
    assert "Rain &lt;b&gt;again&lt;/b&gt;" in html and "corrected" not in html and "old" not in html
    assert "caption finds picture" in html and "文字说明找到图片" in looking.alike(ONE, CHINESE)["html"]
    assert loop.sought[-1] == ("sentiment", Inputs(text="smiling <b>"), 6, False)
    with pytest.raises(BadInput):
        looking.alike(OTHER, ENGLISH)


def test_a_map_that_is_no_better_than_random_is_said_to_be(looking: Looking, loop: FakeLoop) -> None:
    report = looking.weigh(ONE, "relevance", "positive", "neutral", ENGLISH)
    assert [(asked.method, asked.target, asked.against) for asked in loop.weighed] == [
        ("relevance", "positive", "neutral")
    ]
    lead = "Not surely: without what it marks, positive rather than neutral is on average 1 point less likely"
    assert (
        report["doubted"]
        and lead in report["html"]
        and "but 2 of 9 random choices did at least as well." in report["html"]
    )
    assert "−5 points" in report["html"] and "+65 points" in report["html"]
    assert report["json"]["trust"]["seed"] == 7


def test_what_if_tells_the_new_answer_beside_the_old(looking: Looking) -> None:
    same = looking.what_if(ONE, [0], [], ENGLISH)
    assert same["sentence"] == "Without it the answer stays positive: 93 % → 80 %."
    other = looking.what_if(ONE, [0, 1, 2, 3, 4, 5, 6], [], CHINESE)
    assert other["sentence"].startswith("去掉之后答案会变成消极")
    assert sum(other["widths"].values()) == pytest.approx(100, abs=0.1)


def test_of_an_answer_that_is_only_a_guess_no_probability_is_told(desk: PredictController, looking: Looking) -> None:
    answered = desk.visits.get(ONE)
    assert answered is not None and answered.prediction is not None
    desk.visits.change(ONE, prediction=replace(answered.prediction, capped=True, reason="unfamiliar"))
    same, other = (looking.what_if(ONE, list(range(left)), [], ENGLISH) for left in (1, 7))
    assert same == {"percents": {}, "widths": {}, "sentence": "Without it the answer stays positive, and only a guess."}
    assert other["sentence"] == "Without it the answer would be negative: only a guess too."
    weighed = looking.weigh(ONE, "relevance", "positive", "", ENGLISH)["html"]
    assert "positive is only a guess" in weighed and "93 %" not in weighed and "33 %" not in weighed
    assert "+65" not in weighed and "mm-meter" in weighed  # which of the two moved it more is known all the same


@pytest.mark.parametrize(("units", "modalities"), [(["0"], []), ([True], []), ([0], ["smell"])])
def test_what_if_takes_numbers_and_modalities_alone(looking: Looking, units: list, modalities: list) -> None:
    with pytest.raises(BadInput):
        looking.what_if(ONE, units, modalities, ENGLISH)


def test_labels_are_those_of_the_task(looking: Looking) -> None:
    with pytest.raises(UnknownName):
        looking.weigh(ONE, "relevance", "angry", "", ENGLISH)


def test_nobody_elses_token_tells_anything_and_nothing_is_told_of_what_was_taken_back(
    desk: PredictController, looking: Looking
) -> None:
    with pytest.raises(BadInput):
        looking.study(OTHER, ENGLISH)
    desk.forget(ONE, [], ENGLISH)
    for ask in (
        lambda: looking.study(ONE, ENGLISH),
        lambda: looking.weigh(ONE, "relevance", "positive", "", ENGLISH),
        lambda: looking.what_if(ONE, [0], [], ENGLISH),
    ):
        with pytest.raises(BadInput):
            ask()


def test_another_model_than_the_one_that_answered_does_not_explain_its_answer(desk: PredictController) -> None:
    with pytest.raises(BadInput, match="newer model"):
        Looking(Studied(model_version="new"), desk.visits).study(ONE, ENGLISH)


def test_looking_closer_keeps_nothing(desk: PredictController, looking: Looking) -> None:
    before = desk.visits.get(ONE)
    looking.study(ONE, ENGLISH)
    looking.weigh(ONE, "relevance", "positive", "", ENGLISH)
    looking.what_if(ONE, [0], ["image"], ENGLISH)
    assert desk.visits.get(ONE) is before
