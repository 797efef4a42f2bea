"""Paired scores of champion and challenger → by how much the challenger is better about all traffic, and how surely.

Pure. The labels come in strata, because they were not drawn alike: what the champion doubted is all asked about, of its
sure answers a known share. A label weighs as many samples as it stands for, one over the chance that it came here
(Horvitz and Thompson, 1952). Without that, corrections that were chosen because the champion doubted them flatter every
challenger: an equal one is right more often there, and wrong more often where the champion was sure.

Gains and losses of each stratum are counts of rare events, so each has the exact limits of a Poisson mean: Garwood,
"Fiducial limits for the Poisson distribution", Biometrika 1936. These are put together to limits of the weighted
difference as in Zou and Donner, "Construction of confidence intervals about effect measures", Statistics in Medicine
2008, equations 4 and 5 (MOVER). What was never observed counts by its upper limit: without a single random check,
nobody knows what a challenger loses among sure answers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy  # whose parts load when they are first asked for

POWER = 0.8  # chance that a difference as large as today's is shown with the labels that are asked for
_MOST_TIMES = 10_000.0  # so many times today's labels are as good as never
_LEAST_P = 1e-12


@dataclass(frozen=True)
class Stratum:
    """Labels that were drawn alike."""

    name: str
    weight: float  # samples of the traffic that one label stands for
    champion: np.ndarray  # (n,) scores in [0, 1], 1 is best
    challenger: np.ndarray  # (n,) of the same samples

    @property
    def labels(self) -> int:
        """How many there are."""
        return len(self.champion)

    @cached_property
    def gains(self) -> float:
        """By how much the challenger is better, summed over the samples where it is."""
        return float(np.clip(self.challenger - self.champion, 0, None).sum())

    @cached_property
    def losses(self) -> float:
        """By how much it is worse, summed over the samples where it is."""
        return float(np.clip(self.champion - self.challenger, 0, None).sum())

    def swapped(self) -> "Stratum":
        """Return it with the two versions in each other's place."""
        return Stratum(self.name, self.weight, self.challenger, self.champion)


@dataclass(frozen=True)
class Gain:
    """By how much the challenger's mean score is higher about all traffic: shares in [-1, 1]."""

    champion: float  # mean score of the traffic
    challenger: float
    difference: float
    at_least: float  # at the level that was asked for; above 0: shown to be better
    at_most: float
    p_better: float  # the smallest level at which it is shown to be better; 0.5 stands for all above
    p_worse: float


def gain(strata: Sequence[Stratum], level: float) -> Gain:
    """Return the difference with its one-sided limits, each wrong with a chance of at most `level` in (0, 0.5]."""
    traffic = _traffic(strata)
    back = [stratum.swapped() for stratum in strata]
    champion, challenger = (_total(side, "champion") / traffic for side in (strata, back))
    return Gain(
        champion=champion,
        challenger=challenger,
        difference=challenger - champion,
        at_least=max(-1.0, _lower(strata, level) / traffic),
        at_most=min(1.0, -_lower(back, level) / traffic),
        p_better=_p_value(strata),
        p_worse=_p_value(back),
    )


def labels_to_decide(strata: Sequence[Stratum], level: float) -> int | None:
    """Return how many more labels, drawn like these, decide at `level` whether a difference like today's is one.

    They do so with a chance of POWER. None: there is no difference yet, or one so small that nothing decides it.
    """
    estimate = _total(strata, "challenger") - _total(strata, "champion")
    if abs(estimate) < 1e-12:
        return None
    towards = strata if estimate > 0 else [stratum.swapped() for stratum in strata]

    spread = float(scipy.special.ndtri(POWER)) * math.sqrt(sum(s.weight**2 * (s.gains + s.losses) for s in towards))

    def short_of(log_times: float) -> float:
        times = math.exp(log_times)
        return math.sqrt(times) * spread - _lower(towards, level, times)

    most = math.log(_MOST_TIMES)
    if short_of(0) <= 0 or short_of(most) > 0:
        return None if short_of(most) > 0 else 1
    times = math.exp(scipy.optimize.brentq(short_of, 0, most, xtol=1e-6))
    return math.ceil((times - 1) * sum(stratum.labels for stratum in strata))


def _traffic(strata: Sequence[Stratum]) -> float:
    """Return how many samples of the traffic the labels stand for."""
    return max(sum(stratum.weight * stratum.labels for stratum in strata), 1e-9)


def _total(strata: Sequence[Stratum], version: str) -> float:
    return float(sum(stratum.weight * getattr(stratum, version).sum() for stratum in strata))


def _lower(strata: Sequence[Stratum], level: float, times: float = 1.0) -> float:
    """Return the lower limit of the weighted gains less the losses, if there were so many `times` the counts.

    Zou and Donner, equation 4: the distances of the parts from their own limits add like variances.
    """
    gains = times * np.array([stratum.gains for stratum in strata])  # (h,)
    losses = times * np.array([stratum.losses for stratum in strata])
    weights = np.array([stratum.weight for stratum in strata])
    # Garwood: half a χ² quantile
    fewest = np.where(gains > 0, scipy.special.gammaincinv(np.maximum(gains, 1e-9), level), 0.0)
    most = scipy.special.gammainccinv(losses + 1, level)
    slack = math.sqrt(float((weights**2 * ((gains - fewest) ** 2 + (most - losses) ** 2)).sum()))
    return float((weights * (gains - losses)).sum()) - slack


def _p_value(strata: Sequence[Stratum]) -> float:
    """Return the level at which the lower limit is 0: at most 0.5, at least the smallest that is told apart from 0."""

    def limit(log_level: float) -> float:
        return _lower(strata, math.exp(log_level))

    least, most = math.log(_LEAST_P), math.log(0.5)
    if limit(most) <= 0:
        return 0.5
    return _LEAST_P if limit(least) > 0 else math.exp(scipy.optimize.brentq(limit, least, most, xtol=1e-6))
