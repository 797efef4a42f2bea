"""A scaling that was planted is found again."""

import numpy as np
import pytest
from scipy.special import softmax

from mmdemo.training.calibration import FEWEST, fit_refusal, fit_scaling
from mmdemo.versions.temperature_scaling import TemperatureScaling


def honest(n: int = 20_000, labels: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Logits (n, labels) whose probabilities are true, and the labels (n,) drawn from them."""
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 1.5, (n, labels))
    shares = softmax(logits, axis=1).cumsum(axis=1)
    return logits, (draw.random((n, 1)) > shares).sum(axis=1)


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.5])
def test_a_planted_temperature_is_found_without_a_power(planted: float) -> None:
    logits, labels = honest()
    scaling = fit_scaling(logits * planted, labels)
    assert scaling.temperature == pytest.approx(planted, rel=0.05) and scaling.power == 0


@pytest.mark.parametrize("planted", [TemperatureScaling(0.7, 0.8), TemperatureScaling(1.5, -0.3)])
def test_a_planted_power_is_found(planted: TemperatureScaling) -> None:
    logits, labels = honest()
    scaling = fit_scaling(planted.undone(logits), labels)
    assert scaling.power == pytest.approx(planted.power, abs=0.15)
    assert scaling.temperature == pytest.approx(planted.temperature, rel=0.15)


def test_a_handful_of_samples_changes_nothing() -> None:
    assert fit_scaling(np.ones((FEWEST - 1, 2)), np.zeros(FEWEST - 1, int)) == TemperatureScaling()


@pytest.mark.parametrize("most", [0.0, 0.05, 0.5])
def test_no_more_samples_with_a_label_are_refused_than_allowed(most: float) -> None:
    logits, labels = honest(400, 4)
    logits[:, -1] += 2  # it refuses too readily
    logits[:, -1] -= fit_refusal(logits, labels, most)
    labelled = labels < 3
    refused = (logits.argmax(axis=1) == 3)[labelled]
    assert refused.sum() <= most * labelled.sum()
    assert refused.sum() >= most * labelled.sum() - 1  # and no fewer: what is no label shall be refused


def test_who_refuses_seldom_enough_is_left_as_it_is() -> None:
    logits, labels = honest(400, 4)
    logits[:, -1] -= 50
    assert fit_refusal(logits, labels, 0.01) == 0.0
    assert fit_refusal(logits, np.full(400, 3), 0.01) == 0.0  # there is none with a label
