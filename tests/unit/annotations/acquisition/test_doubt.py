"""Doubt: known values on paper, and what every measure must promise."""

import math

import numpy as np
import pytest

from annotations.acquisition import doubt
from mmdemo.errors import UnknownName
from tests.unit.annotations import sentiment

EVEN, HALVES, SURE = [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0], [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("least_confidence", [2 / 3, 0.5, 0.0]),
        ("margin", [1.0, 1.0, 0.0]),
        ("entropy", [math.log(3), math.log(2), 0.0]),
    ],
)
def test_values_computed_by_hand(name: str, values: list[float]) -> None:
    uncertainties = doubt.DOUBTS[name](np.array([EVEN, HALVES, SURE]))
    assert uncertainties.shape == (3,)
    assert uncertainties == pytest.approx(values)


@pytest.mark.parametrize("name", doubt.DOUBTS)
def test_order_of_classes_does_not_matter_and_even_is_most_doubtful(name: str) -> None:
    rows = np.random.default_rng(0).dirichlet(np.ones(4), size=50)
    uncertainties = doubt.DOUBTS[name](rows)
    assert doubt.DOUBTS[name](rows[:, ::-1]) == pytest.approx(uncertainties)
    assert (uncertainties <= doubt.DOUBTS[name](np.full((1, 4), 0.25)) + 1e-12).all()


def test_the_default_orders_as_confidence_does() -> None:
    rows = np.random.default_rng(1).dirichlet(np.ones(3), size=50)
    assert (np.argsort(doubt.DOUBTS[doubt.DEFAULT](rows)) == np.argsort(-rows.max(axis=1))).all()


def test_of_reads_one_answer_and_refuses_an_unknown_measure() -> None:
    assert doubt.of(sentiment.prediction(sentiment.inputs(), 0.8)) == pytest.approx(0.2)
    with pytest.raises(UnknownName, match="least_confidence, margin, entropy"):
        doubt.of_label(sentiment.prediction(sentiment.inputs()), "guess")
