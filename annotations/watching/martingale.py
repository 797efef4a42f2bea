"""Answers of two versions to the same fresh samples → how surely the newer one is worse, however often one looks; pure.

Of the samples of which exactly one version is right, one that is not worse loses half at most, whatever came before.
Against that stands every greater share at once, each as likely: the mean of their likelihood ratios is a test
martingale. One that is not worse ever reaches 1/α with a chance of α at most, whenever one looks and as often as one
likes (Ville 1939; Ramdas and others, "Game-theoretic statistics and safe anytime-valid inference", Statistical Science
2023, section 3).
"""

import math

import scipy  # whose parts load when they are first asked for

MONTHLY_BUDGET = 0.05  # chance of a false rollback in a calendar month (UTC)


def against(lost: int, gained: int) -> float:
    """Return the evidence that the newer version is worse: at least 0, 1 where nothing was seen.

    `lost`: samples of which the version before alone is right; `gained`: of which the newer one is.
    """
    # Of the shares, how much of what was seen lies above a half
    upper = float(scipy.special.betainc(gained + 1, lost + 1, 0.5))
    if upper == 0:
        return 0.0
    log = (lost + gained + 1) * math.log(2) + float(scipy.special.betaln(lost + 1, gained + 1)) + math.log(upper)
    return math.exp(min(log, 700))


def level(number: int) -> float:
    """Return the chance of a false rollback that the month's `number`-th promotion may take, from 1 on.

    The first takes a third of the month's budget, each further one half of the one before: two thirds in all. The last
    third is that of the version that was promoted before the month began, and serves as it does.
    """
    return MONTHLY_BUDGET / 3 / 2 ** (number - 1)


def losses_needed(gained: int, at: float) -> int:
    """Return how many samples must be lost, of `gained` that are, before a version goes back at that level."""
    lost = gained
    while against(lost, gained) * at < 1:
        lost += 1
    return lost
