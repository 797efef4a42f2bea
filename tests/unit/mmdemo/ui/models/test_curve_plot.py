"""Curves before and after lie within their frame, and are said in words."""

import dataclasses

from mmdemo.ui.models import curve_plot
from mmdemo.values.history import ConfidenceCurves, CurvePoint
from tests.unit.mmdemo.ui.models.test_models_view import HISTORY, SECOND, shown

CURVES = ConfidenceCurves(
    reliability=(CurvePoint(0.5, 0.4, 0.2, 0.6, 20), CurvePoint(0.95, 0.9, 0.7, 0.99, 20)),
    risk=(CurvePoint(0.5, 0.05, 0.01, 0.24, 20), CurvePoint(1.0, 0.35, 0.22, 0.5, 40)),
)


def test_every_point_lies_within_the_frame_and_errors_fill_it() -> None:
    reliability, risk = curve_plot.drawings((CURVES, CURVES), "en")
    for drawing in (reliability, risk):
        assert [line.kind for line in drawing.lines] == ["before", "after"]
        for line in drawing.lines:
            assert all(0 <= place <= curve_plot.SIDE for dot in line.dots for place in dot)
    assert (reliability.top, reliability.diagonal, risk.top, risk.diagonal) == ("100 %", True, "60 %", False)
    assert reliability.lines[1].dots[0] == (50.0, 60.0, 80.0, 40.0)
    assert "Where it is 50 % sure, 40 % are right (20 % to 60 %)." in reliability.aloud
    assert "Of the surest 50 %, 5 % are wrong (1 % to 24 %)." in risk.aloud


def test_one_version_alone_is_drawn_as_the_new_one_is() -> None:
    [alone, _], [both, _] = curve_plot.drawings((CURVES,), "en"), curve_plot.drawings((CURVES, CURVES), "en")
    assert alone.lines == both.lines[1:]
    assert alone.aloud.startswith("Is it as sure as it should be? Where it is 50 % sure") and alone.aloud != both.aloud


def test_without_confidences_there_are_none() -> None:
    assert curve_plot.drawings((), "en") == ()
    assert "mm-mo-curves" not in shown(dataclasses.replace(HISTORY, versions=(SECOND,)))


def test_the_card_says_of_how_many_answers_they_are() -> None:
    version = dataclasses.replace(SECOND, curves=(CURVES, CURVES))
    for language, words in (("en", "From the 40 set-aside answers"), ("zh", "40 个回答")):
        page = shown(dataclasses.replace(HISTORY, versions=(version,)), language=language)
        assert words in page and page.count('class="mm-curve"') == 2 and page.count('role="img"') >= 2
