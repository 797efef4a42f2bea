"""Probabilities → doubt: pure functions from `(n, classes)` to `(n,)`. Bigger means: ask a person first.

All three are from B. Settles, Active Learning Literature Survey (2009), section 3.1, Uncertainty Sampling.
Rows of probabilities sum to 1.
"""

from collections.abc import Callable

import numpy as np

from mmdemo.answers import CLASSIFICATION
from mmdemo.errors import UnknownName
from mmdemo.values.samples import Prediction

Doubt = Callable[[np.ndarray], np.ndarray]


def least_confidence(probabilities: np.ndarray) -> np.ndarray:
    """Return 1 − p(best), in [0, 1 − 1/classes]. `probabilities` (n, classes) float → (n,)."""
    return 1.0 - probabilities.max(axis=1)


def margin(probabilities: np.ndarray) -> np.ndarray:
    """Return 1 − (p(best) − p(second)), in [0, 1]. `probabilities` (n, classes) float, classes ≥ 2 → (n,)."""
    best_two = np.sort(probabilities, axis=1)[:, -2:]  # (n, 2)
    return 1.0 - (best_two[:, 1] - best_two[:, 0])


def entropy(probabilities: np.ndarray) -> np.ndarray:
    """Return −Σ p ln p in nats, in [0, ln classes]; 0 ln 0 is 0. `probabilities` (n, classes) float → (n,)."""
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))  # (n, classes)
    return -(probabilities * logs).sum(axis=1)


DOUBTS: dict[str, Doubt] = {"least_confidence": least_confidence, "margin": margin, "entropy": entropy}
DEFAULT = "least_confidence"  # its order is that of the confidence which page and API show


def of(prediction: Prediction) -> float:
    """Return the doubt of one answer, by which samples are asked about: see KINDS."""
    return KINDS[prediction.kind](prediction)


def of_label(prediction: Prediction, name: str = DEFAULT) -> float:
    """Return the doubt of a label. Raises UnknownName for a measure that is not in DOUBTS."""
    if name not in DOUBTS:
        raise UnknownName("unknown_doubt", name=name, known=", ".join(DOUBTS))
    return float(DOUBTS[name](np.array([list(prediction.labelled.shares.values())], dtype=np.float64))[0])


KINDS: dict[str, Callable[[Prediction], float]] = {CLASSIFICATION: of_label}  # by kind of answer
