"""What logits are scaled by so that a confidence of 0.8 is right eight times in ten: see `scaling`.

Fitted for each subset of the modalities, since a caption alone leaves the model less sure than it knows, on samples
that were not trained on.
"""

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from mmdemo.scaling import UNSCALED, Scaling

LOWEST, HIGHEST = 0.25, 8.0  # temperatures
LEAST, MOST = -0.5, 2.0  # powers
FEWEST = 20  # samples; with fewer the logits stay as they are
CLEARLY = 1.92  # nats that a power must explain of all labels: by chance one in twenty does (likelihood-ratio test)


def fit_scaling(logits: np.ndarray, labels: np.ndarray, *, powers: bool = True) -> Scaling:
    """Return the scaling that makes `labels` (n,) int most likely under `logits` (n, classes) float.

    A temperature alone, where a power as well doesn't explain clearly more, or without `powers`.
    """
    if len(labels) < FEWEST:
        return UNSCALED
    rows = np.arange(len(labels))

    def surprise(log_temperature: float, power: float = 0.0) -> float:
        scaled = Scaling(float(np.exp(log_temperature)), power)(logits)
        return -float(log_softmax(scaled, axis=1)[rows, labels].sum())

    simple = minimize_scalar(surprise, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    alone = Scaling(round(float(np.exp(simple.x)), 4))
    if not powers:
        return alone
    both = minimize(
        lambda values: surprise(*values), (simple.x, 0.0), method="Nelder-Mead", bounds=((-3.0, 6.0), (LEAST, MOST))
    )
    if simple.fun - both.fun <= CLEARLY:
        return alone
    return Scaling(round(float(np.exp(both.x[0])), 4), round(float(both.x[1]), 4))
