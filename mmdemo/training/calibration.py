"""Temperatures: what logits are divided by so that a confidence of 0.8 is right eight times in ten.

Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2. Fitted for each subset of the
modalities, since a caption alone leaves the model less sure than it knows, on samples that were not trained on.
"""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

LOWEST, HIGHEST = 0.25, 8.0
FEWEST = 20  # samples; with fewer the logits stay as they are


def fit_temperature(logits: np.ndarray, labels: np.ndarray) -> float:
    """Return the temperature that makes `labels` (n,) int most likely under `logits` (n, classes) float."""
    if len(labels) < FEWEST:
        return 1.0
    rows = np.arange(len(labels))

    def surprise(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(surprise, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return round(float(np.exp(found.x)), 4)
