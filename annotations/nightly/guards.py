"""What a challenger must not be significantly worse in, however much better it is elsewhere; pure.

Each guard brings the chance that a harmless challenger looks as bad. Together they refuse at most one harmless
challenger in twenty: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
Statistics 1979. A guard that could not refuse whatever came out, because too few answers differ, is not counted among
them: Tarone, "A modified Bonferroni method for discrete data", Biometrics 1990.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy  # whose parts load when they are first asked for

REFUSED_HARMLESS = 0.05  # share of harmless challengers that all guards together may refuse
FORGOTTEN_SHARE = 0.01  # of what it surely knew, that a challenger may lose


@dataclass(frozen=True)
class Safeguard:
    """One thing that is looked at."""

    name: str  # such as class:positive: how its number is stored
    p_value: float  # chance that a harmless challenger looks at least as bad
    least: float  # the smallest that could have come out
    key: str  # of the sentence that says that it refuses
    values: Mapping[str, str | int | float] = field(default_factory=dict)  # of that sentence


def sign_test(lost: int, gained: int) -> tuple[float, float]:
    """Return the p-value of having lost more than gained, and the smallest possible one.

    McNemar, "Note on the sampling error of the difference between correlated proportions", Psychometrika 1947; exact:
    of the samples of which one version alone is right, a harmless challenger loses half at most.
    """
    differing = lost + gained
    return _at_least(lost, differing, 0.5), 0.5**differing


def share_test(lost: int, of: int, allowed: float = FORGOTTEN_SHARE) -> tuple[float, float]:
    """Return the p-value of having lost more than the `allowed` share, and the smallest possible one; exact.

    It is under a level where the lower end of the lost share at that level is above the allowed one (Clopper and
    Pearson, Biometrika 1934).
    """
    return _at_least(lost, of, allowed), allowed**of


def mean_test(differences: np.ndarray) -> tuple[float, float]:
    """Return the p-value of a mean above 0 of paired differences (n,), and the smallest possible one: Student's t."""
    if len(differences) < 2 or np.ptp(differences) == 0:
        return 1.0, 1.0
    spread = float(differences.std(ddof=1)) / len(differences) ** 0.5
    return float(scipy.special.stdtr(len(differences) - 1, -differences.mean() / spread)), 0.0


def _at_least(count: int, of: int, chance: float) -> float:
    """Return the chance of so many successes or more: the binomial's upper tail, a regularized incomplete beta."""
    return float(scipy.special.betainc(count, of - count + 1, chance)) if count else 1.0


def refusing(guards: Sequence[Safeguard], level: float = REFUSED_HARMLESS) -> list[Safeguard]:
    """Return the guards that refuse, the surest first."""
    able = sorted((guard for guard in guards if guard.least <= level), key=lambda guard: guard.p_value)
    refused = []
    for place, guard in enumerate(able):
        if guard.p_value > level / (len(able) - place):
            break
        refused.append(guard)
    return refused
