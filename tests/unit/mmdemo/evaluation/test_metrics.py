"""Figures equal scikit-learn's, or what a hand computes."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from mmdemo.evaluation import metrics


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return draw.integers(0, 4, 200), draw.integers(0, 3, 200)  # class 3 occurs and is never predicted


def test_counting_equals_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    labels, predicted = drawn
    counts = metrics.confusion(labels, predicted, 5)  # class 4 does not occur at all
    np.testing.assert_array_equal(counts[:4, :4], confusion_matrix(labels, predicted))
    assert metrics.accuracy(counts) == pytest.approx(accuracy_score(labels, predicted))
    assert metrics.macro_f1(counts) == pytest.approx(f1_score(labels, predicted, average="macro", zero_division=0))
    np.testing.assert_allclose(metrics.f1(counts)[:4], f1_score(labels, predicted, average=None, zero_division=0))


def test_many_resamples_are_counted_at_once(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    labels, predicted = drawn
    rows = metrics.resamples(200, np.random.default_rng(1), draws=3)
    counts = metrics.confusion(labels[rows], predicted[rows], 4)
    for row, one in zip(rows, counts, strict=True):
        assert metrics.macro_f1(one) == pytest.approx(
            f1_score(labels[row], predicted[row], average="macro", zero_division=0)
        )


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.55, 0.45], [0.45, 0.55]])
    labels = np.array([0, 1, 0, 1])
    # bin of 0.9: promises 0.9, holds 0.5, two samples; bin of 0.55: promises 0.55, holds 1, two samples
    assert metrics.ece(probabilities, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.45)


def test_certain_and_right_has_no_error() -> None:
    assert metrics.ece(np.eye(3), np.arange(3)) == 0.0


def test_the_floor_is_what_an_honest_model_shows() -> None:
    draw = np.random.default_rng(0)
    probabilities = draw.dirichlet((1, 1, 1), 300)
    floor = metrics.ece_floor(probabilities, np.random.default_rng(1))
    shown = []
    for _ in range(200):
        labels = (draw.random((300, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
        shown.append(metrics.ece(probabilities, labels))
    assert floor == pytest.approx(np.mean(shown), rel=0.05)
    assert floor == metrics.ece_floor(probabilities, np.random.default_rng(1))
    assert metrics.ece_floor(np.eye(3), np.random.default_rng(1)) == 0.0


def test_an_interval_covers_the_middle() -> None:
    assert metrics.interval(np.arange(1001) / 1000) == pytest.approx((0.025, 0.975))
