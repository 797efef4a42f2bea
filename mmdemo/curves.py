"""Answers with their confidences → how far a confidence can be believed, and what asking about less costs.

Reliability: Guo et al., "On calibration of modern neural networks", ICML 2017, figure 1, in bins of like size. Risk and
coverage: El-Yaniv and Wiener, "On the foundations of noise-free selective classification", JMLR 2010, section 2.
Intervals are exact, 95 % at each point by itself.
"""

from collections.abc import Sequence

import numpy as np

from mmdemo import thresholds
from mmdemo.values.history import ConfidenceCurves, CurvePoint

FEWEST = 20  # answers, below which intervals are wider than what they are about
BINS = 5
STEPS = 10  # shares of the answers that go out


def of(confidences: Sequence[float], right: Sequence[bool]) -> ConfidenceCurves | None:
    """Return the curves of answers that were right or not; None of fewer than FEWEST."""
    count = len(confidences)
    if count < FEWEST:
        return None
    sure, is_right = np.asarray(confidences, float), np.asarray(right, bool)
    order = np.argsort(sure, kind="stable")
    bins = [part for part in np.array_split(order, BINS) if len(part)]
    reliability = [_point(float(sure[part].mean()), int(is_right[part].sum()), len(part)) for part in bins]
    return ConfidenceCurves(tuple(reliability), tuple(_risk(sure, is_right)))


def _risk(sure: np.ndarray, right: np.ndarray) -> list[CurvePoint]:
    """Return the share of wrong answers among the surest; equally sure ones go out together."""
    falling = np.sort(sure)[::-1]
    limits = dict.fromkeys(float(falling[-(-step * len(sure) // STEPS) - 1]) for step in range(1, STEPS + 1))
    points = []
    for limit in limits:
        out = sure >= limit
        points.append(_point(float(out.mean()), int((out & ~right).sum()), int(out.sum())))
    return points


def _point(x: float, hits: int, count: int) -> CurvePoint:
    return CurvePoint(x, hits / count, *thresholds.interval(hits, count), count)
