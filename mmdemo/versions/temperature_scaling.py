"""How logits become those that are served, so that a confidence of 0.8 is right eight times in ten.

Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2) whose temperature
may depend on what it scales (Tomani et al., "Parameterized Temperature Scaling", ECCV 2022): here on the length of the
logits alone, since a training with smoothed labels leaves long ones too short and middling ones too long.
The order of the labels stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:  # a version is described without it, and it takes seconds to load
    from torch import Tensor

Values = TypeVar("Values", np.ndarray, "Tensor")


@dataclass(frozen=True)
class TemperatureScaling:
    """Divides logits of mean 0 by `temperature`, and multiplies them by their own length to the `power`."""

    temperature: float = 1.0
    power: float = 0.0  # above -1

    def __call__(self, logits: Values) -> Values:
        """Return the logits (…, labels) that are served."""
        return self._scaled(logits, self.power, 1 / self.temperature)

    def undone(self, logits: Values) -> Values:
        """Return the logits (…, labels), of mean 0, that these were made of."""
        root = 1 / (1 + self.power)
        return self._scaled(logits, root - 1, self.temperature**root)

    @staticmethod
    def _scaled(logits: Values, power: float, factor: float) -> Values:
        if power == 0:
            return logits * factor
        centred = logits - logits.mean(-1)[..., None]
        length = ((centred * centred).sum(-1) ** 0.5)[..., None]
        return centred * length.clip(1e-12) ** power * factor


UNSCALED = TemperatureScaling()
