"""A click on the badge shows the curves of the version that answered, with what they are of, or says that none are."""

from dataclasses import replace

import pytest

from mmdemo.errors import BadInput
from mmdemo.ui.predict.answer_curves import Believing
from mmdemo.ui.predict.controller import PredictController
from mmdemo.values.history import MeasuredCurves
from mmdemo.values.review import MeasuredOn
from tests.unit.mmdemo.ui.fake import CHINESE, ENGLISH, VERSION, FakeLoop
from tests.unit.mmdemo.ui.models.test_curve_plot import CURVES
from tests.unit.mmdemo.ui.predict.test_controller import ONE, OTHER, begin

DEV = MeasuredCurves(CURVES, 1487, MeasuredOn.DEV, "dev.jsonl")


@pytest.fixture
def believing(desk: PredictController) -> Believing:
    begin(desk)
    desk.predict(ONE, ENGLISH)
    return Believing(desk.services, desk.visits)


def test_both_curves_come_with_what_they_are_of(believing: Believing, loop: FakeLoop) -> None:
    loop.measured_curves["sentiment", VERSION] = DEV
    shown = believing.curves(ONE, ENGLISH)["html"]
    assert shown.count('role="img"') == 2 and "Of the surest 50 %, 5 % are wrong (1 % to 24 %)." in shown
    assert "Measured on 1,487 samples of dev.jsonl, which trained nothing" in shown and f"version {VERSION}" in shown
    assert "95 % intervals" in shown
    assert "dev.jsonl 的 1,487 个样本" in believing.curves(ONE, CHINESE)["html"]
    assert len(loop.predicted) == 1  # nothing was asked of a model again


def test_those_of_a_night_say_that_they_are_of_corrections(believing: Believing, loop: FakeLoop) -> None:
    loop.measured_curves["sentiment", VERSION] = replace(DEV, measured_on=MeasuredOn.HELD_OUT, manifest="", count=40)
    shown = believing.curves(ONE, ENGLISH)["html"]
    assert "40 corrections that were set aside" in shown and "jsonl" not in shown


def test_where_nobody_measured_it_says_so(believing: Believing) -> None:
    shown = believing.curves(ONE, ENGLISH)["html"]
    assert "was not measured: that takes 20 samples or more" in shown and "<svg" not in shown


def test_without_an_answer_there_is_nothing_to_believe(believing: Believing, desk: PredictController) -> None:
    begin(desk, OTHER)
    for token in (OTHER, "f" * 32):
        with pytest.raises(BadInput):
            believing.curves(token, ENGLISH)


def test_the_badge_is_a_button_that_opens_the_panel(desk: PredictController, believing: Believing) -> None:
    card = desk.recall(ONE, ENGLISH)["answer"]
    assert '<button type="button" class="mm-badge" data-do="curves" aria-expanded="false"' in card
    assert 'aria-controls="mm-believed"' in card and 'id="mm-believed"' in card
