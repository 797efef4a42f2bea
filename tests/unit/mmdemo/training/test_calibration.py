"""A temperature that was planted is found again."""

import numpy as np
import pytest
from scipy.special import softmax

from mmdemo.training.calibration import FEWEST, fit_temperature


@pytest.mark.parametrize("planted", [0.5, 1.0, 2.5])
def test_a_planted_temperature_is_found(planted: float) -> None:
    draw = np.random.default_rng(0)
    honest = draw.normal(0, 1.5, (20_000, 3))
    shares = softmax(honest, axis=1).cumsum(axis=1)
    labels = (draw.random((20_000, 1)) > shares).sum(axis=1)
    assert fit_temperature(honest * planted, labels) == pytest.approx(planted, rel=0.05)


def test_a_handful_of_samples_changes_nothing() -> None:
    assert fit_temperature(np.ones((FEWEST - 1, 2)), np.zeros(FEWEST - 1, int)) == 1.0
