"""What logits are scaled by so that a confidence of 0.8 is right eight times in ten: see `TemperatureScaling`.

Fitted for each subset of the modalities, since a caption alone leaves the model less sure than it knows, on samples
that were not trained on.
"""

import numpy as np
from scipy.optimize import minimize, minimize_scalar
from scipy.special import log_softmax

from mmdemo.versions.temperature_scaling import UNSCALED, TemperatureScaling

LOWEST, HIGHEST = 0.25, 8.0  # temperatures
LEAST, MOST = -0.5, 2.0  # powers
FEWEST = 20  # samples; with fewer the logits stay as they are
CLEARLY = 1.92  # nats that a power must explain of all labels: by chance one in twenty does (likelihood-ratio test)


def fit_scaling(logits: np.ndarray, labels: np.ndarray, *, powers: bool = True) -> TemperatureScaling:
    """Return the scaling that makes `labels` (n,) int most likely under `logits` (n, classes) float.

    A temperature alone, where a power as well doesn't explain clearly more, or without `powers`.
    """
    if len(labels) < FEWEST:
        return UNSCALED
    rows = np.arange(len(labels))

    def surprise(log_temperature: float, power: float = 0.0) -> float:
        scaled = TemperatureScaling(float(np.exp(log_temperature)), power)(logits)
        return -float(log_softmax(scaled, axis=1)[rows, labels].sum())

    simple = minimize_scalar(surprise, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    alone = TemperatureScaling(round(float(np.exp(simple.x)), 4))
    if not powers:
        return alone
    both = minimize(
        lambda values: surprise(*values), (simple.x, 0.0), method="Nelder-Mead", bounds=((-3.0, 6.0), (LEAST, MOST))
    )
    if simple.fun - both.fun <= CLEARLY:
        return alone
    return TemperatureScaling(round(float(np.exp(both.x[0])), 4), round(float(both.x[1]), 4))


def fit_refusal(logits: np.ndarray, labels: np.ndarray, most: float) -> float:
    """Return what to take from the last logit, that of the refusal, so that few samples with a label are refused.

    `logits` (n, classes) float, `labels` (n,) int; of the samples whose label is another one than the last, at most
    the share `most` has the refusal as its likeliest answer then. 0 where that holds already. This is the operating
    point of a detector by its true positive rate, as for out-of-distribution scores (Liang et al., ODIN, ICLR 2018).
    """
    labelled = logits[labels < logits.shape[1] - 1].astype(np.float64)
    leads = np.sort(labelled[:, -1] - labelled[:, :-1].max(axis=1))[::-1]  # of the refusal, the largest first
    allowed = int(most * len(leads))
    if len(leads) <= allowed:
        return 0.0
    return max(0.0, float(np.nextafter(np.float32(leads[allowed]), np.float32(np.inf))))
