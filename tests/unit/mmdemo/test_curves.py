"""Curves of confidences: equal counts a bin, equally sure answers go out together, too few have none."""

import numpy as np
import pytest

from mmdemo import curves


def test_each_bin_has_as_many_answers_and_says_how_many_of_them_are_right() -> None:
    sure = np.linspace(0.5, 1.0, 100)
    right = np.arange(100) % 5 > 0  # four of five, wherever
    drawn = curves.of(list(sure), list(right))
    assert drawn is not None and [point.count for point in drawn.reliability] == [20] * curves.BINS
    assert [point.y for point in drawn.reliability] == [0.8] * curves.BINS
    assert [point.x for point in drawn.reliability] == sorted(point.x for point in drawn.reliability)
    assert all(point.low < point.y < point.high for point in drawn.reliability)


def test_risk_is_of_the_surest_and_ends_with_all() -> None:
    sure = [0.9] * 10 + [0.6] * 30
    right = [True] * 10 + [True] * 15 + [False] * 15
    drawn = curves.of(sure, right)
    assert drawn is not None
    assert [(point.x, point.y, point.count) for point in drawn.risk] == [(0.25, 0.0, 10), (1.0, 15 / 40, 40)]


@pytest.mark.parametrize("count", [0, 1, curves.FEWEST - 1])
def test_too_few_answers_have_no_curves(count: int) -> None:
    assert curves.of([0.5] * count, [True] * count) is None
