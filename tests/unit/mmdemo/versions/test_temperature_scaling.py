"""Scaled logits keep their order, and the scaling can be undone."""

import numpy as np
import pytest
import torch

from mmdemo.versions.temperature_scaling import TemperatureScaling

LOGITS = np.random.default_rng(0).normal(0, 3, (20, 4))


@pytest.mark.parametrize(
    "scaling",
    [TemperatureScaling(), TemperatureScaling(2.0), TemperatureScaling(0.6, 0.8), TemperatureScaling(1.4, -0.4)],
)
def test_order_stays_and_all_is_undone(scaling: TemperatureScaling) -> None:
    scaled = scaling(LOGITS)
    np.testing.assert_array_equal(scaled.argsort(axis=1), LOGITS.argsort(axis=1))
    back = scaling.undone(scaled)
    centred = LOGITS - LOGITS.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(back - back.mean(axis=1, keepdims=True), centred)


def test_tensors_are_scaled_alike() -> None:
    scaling = TemperatureScaling(1.3, 0.5)
    np.testing.assert_allclose(scaling(torch.from_numpy(LOGITS)).numpy(), scaling(LOGITS))


def test_a_power_makes_long_logits_longer_and_short_ones_shorter() -> None:
    long, short = TemperatureScaling(1.0, 0.5)(np.array([[4.0, -4.0], [0.2, -0.2]]))
    assert long[0] > 4.0 and 0 < short[0] < 0.2


def test_logits_that_say_nothing_say_nothing() -> None:
    np.testing.assert_array_equal(TemperatureScaling(2.0, 0.5)(np.ones((1, 3))), np.zeros((1, 3)))
    np.testing.assert_array_equal(TemperatureScaling(2.0, -0.4)(np.ones((1, 3))), np.zeros((1, 3)))
