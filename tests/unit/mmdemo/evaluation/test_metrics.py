"""Figures equal scikit-learn's and torchmetrics', or what a hand computes."""

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support
from torchmetrics.functional.classification import multiclass_calibration_error

from mmdemo.evaluation import metrics


@pytest.fixture
def drawn() -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    return draw.integers(0, 4, 200), draw.integers(0, 3, 200)  # class 3 occurs and is never predicted


@pytest.fixture
def answers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities (300, 3), confidences and whether they are right (300,)."""
    draw = np.random.default_rng(3)
    probabilities, labels = draw.dirichlet((1, 1, 1), 300), draw.integers(0, 3, 300)
    return probabilities, probabilities.max(axis=1), probabilities.argmax(axis=1) == labels


def figures(labels: np.ndarray, predicted: np.ndarray, classes: int, weights: np.ndarray) -> list[np.ndarray]:
    """Return macro precision, recall and F1, (d, 3), and the same by class, (d, classes, 3)."""
    counts = metrics.tallies(labels, predicted, classes, weights)
    by_class = [metrics.precision(counts), metrics.recall(counts), metrics.f1(counts)]
    return [np.stack([metrics.macro(scores, counts) for scores in by_class], -1), np.stack(by_class, -1)]


def reference(labels: np.ndarray, predicted: np.ndarray, average: str | None) -> np.ndarray:
    return np.array(precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)[:3])


def test_counting_equals_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    labels, predicted = drawn
    np.testing.assert_array_equal(metrics.confusion(labels, predicted, 5)[:4, :4], confusion_matrix(labels, predicted))
    macro, by_class = figures(labels, predicted, 5, metrics.once(200))  # class 4 does not occur at all
    np.testing.assert_allclose(macro[0], reference(labels, predicted, "macro"))
    np.testing.assert_allclose(by_class[0, :4].T, reference(labels, predicted, None))
    counts = metrics.tallies(labels, predicted, 5, metrics.once(200))
    assert metrics.accuracy(counts)[0] == (labels == predicted).mean()


def test_many_resamples_are_counted_at_once(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    labels, predicted = drawn
    weights = metrics.resamples(200, np.random.default_rng(1), draws=3)
    assert weights.sum(axis=1).tolist() == [200] * 3
    macro, _ = figures(labels, predicted, 4, weights)
    for one, value in zip(weights.astype(int), macro, strict=True):
        rows = np.repeat(np.arange(200), one)
        np.testing.assert_allclose(value, reference(labels[rows], predicted[rows], "macro"))


def test_the_calibration_error_equals_that_of_torchmetrics(answers) -> None:
    probabilities, confidence, right = answers
    labels = np.where(right, probabilities.argmax(axis=1), probabilities.argmin(axis=1))
    pair = torch.tensor(probabilities), torch.tensor(labels)
    expected = multiclass_calibration_error(*pair, num_classes=3, n_bins=metrics.BINS, norm="l1")
    assert metrics.ece(confidence, right, metrics.once(300))[0] == pytest.approx(float(expected), abs=1e-6)


def test_calibration_error_by_hand() -> None:
    confidence, right = np.array([0.9, 0.9, 0.55, 0.55]), np.array([True, False, True, True])
    # bin of 0.9: promises 0.9, holds 0.5, two samples; bin of 0.55: promises 0.55, holds 1, two samples
    by_hand = 0.5 * 0.4 + 0.5 * 0.45
    assert metrics.ece(confidence, right, metrics.once(4))[0] == pytest.approx(by_hand)
    assert metrics.ece(confidence, right, np.array([[1.0, 0, 2, 0]]))[0] == pytest.approx(0.1 / 3 + 2 * 0.45 / 3)


def test_certain_and_right_has_no_error() -> None:
    assert metrics.ece(np.ones(3), np.full(3, True), metrics.once(3))[0] == 0.0


def test_the_floor_is_what_an_honest_model_shows() -> None:
    draw = np.random.default_rng(0)
    confidence = draw.dirichlet((1, 1, 1), 300).max(axis=1)
    floor = metrics.ece_floor(confidence, np.random.default_rng(1))
    honest = draw.random((200, 300)) < confidence
    shown = [metrics.ece(confidence, right, metrics.once(300))[0] for right in honest]
    assert floor == pytest.approx(np.mean(shown), rel=0.05)
    assert floor == metrics.ece_floor(confidence, np.random.default_rng(1))
    assert metrics.ece_floor(np.ones(3), np.random.default_rng(1)) == 0.0


def test_the_area_under_risk_and_coverage_is_the_mean_risk(answers) -> None:
    _, confidence, right = answers
    wrong = ~right[np.argsort(-confidence)]
    risks = wrong.cumsum() / np.arange(1, 301)
    assert metrics.aurc(confidence, right, metrics.once(300))[0] == pytest.approx(risks.mean())
    coverage, risk = metrics.risk_coverage(confidence, right)
    np.testing.assert_allclose(risk, risks)
    assert (coverage[0], coverage[-1]) == (1 / 300, 1.0)


def test_equally_sure_answers_count_as_if_in_random_order() -> None:
    confidence = np.array([0.9, 0.7, 0.7, 0.7, 0.7, 0.4])
    right = np.array([True, True, False, True, False, False])
    draw, areas = np.random.default_rng(0), []
    for _ in range(4_000):
        middle = draw.permutation(right[1:5])
        wrong = ~np.concatenate([right[:1], middle, right[5:]])
        areas.append((wrong.cumsum() / np.arange(1, 7)).mean())
    assert metrics.aurc(confidence, right, metrics.once(6))[0] == pytest.approx(np.mean(areas), abs=0.005)


def test_a_sample_drawn_twice_stands_there_twice(answers) -> None:
    _, confidence, right = answers
    weights = metrics.resamples(300, np.random.default_rng(1), draws=2)
    for one, value in zip(weights.astype(int), metrics.aurc(confidence, right, weights), strict=True):
        rows = np.repeat(np.arange(300), one)
        assert metrics.aurc(confidence[rows], right[rows], metrics.once(300))[0] == pytest.approx(value)


def test_an_interval_covers_the_middle() -> None:
    assert metrics.interval(np.arange(1001) / 1000) == pytest.approx((0.025, 0.975))
