"""How often a version that was promoted is taken out of service, where the truth is known: equal, worse, better ones.

python -m benchmarks.watch [--months N] [--seed SEED]

Samples that judge it come by one chance, whatever a version says of them, so of these it loses and gains what it does
of all that is sent. They are counted, and whether it goes is decided every night by the loop's own evidence.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from annotations.watching import martingale
from benchmarks.gate import share

MONTHS = 2_000
NIGHTS, SENT = 30, 200  # in a month, and samples that are sent between two nights


@dataclass(frozen=True)
class Promotion:
    """What a version that was promoted is like, and how much of what is sent judges it."""

    name: str
    worse: float = 0.0  # by how much it is right less often than the one before
    disagreement: float = 0.07  # share of what is sent of which exactly one of both is right
    share: float = 0.2  # of what is sent, that judges it
    number: int = 1  # of such promotions in the month, at even distances; one more serves as it begins
    reach: str = "reported"


@dataclass(frozen=True)
class MonthOutcome:
    """What came of one month."""

    out: bool  # a version was taken out of service
    judged: int  # samples that judged it until then


PROMOTIONS = (
    Promotion("equal, 7 % disagreement", reach="≤ 5 %"),
    Promotion("equal, 12 % disagreement", disagreement=0.12, reach="≤ 5 %"),
    Promotion("equal, 2 % judge", share=0.02, reach="≤ 5 %"),
    Promotion("equal, all are answered and judge", share=1.0, reach="≤ 5 %"),
    Promotion("equal, five promotions in the month", number=5, share=1.0, reach="≤ 5 %"),
    Promotion("5 points better", worse=-0.05),
    Promotion("5 points worse", worse=0.05),
    Promotion("5 points worse, 12 % disagreement", worse=0.05, disagreement=0.12),
    Promotion("5 points worse, 2 % judge", worse=0.05, share=0.02),
    Promotion("10 points worse, 12 % disagreement", worse=0.1, disagreement=0.12),
    Promotion("10 points worse, 12 % disagreement, 2 % judge", worse=0.1, disagreement=0.12, share=0.02),
)


def month(promotion: Promotion, draw: np.random.Generator) -> MonthOutcome:
    """Return what came of a month that one version before it begins, of the same kind, and these promotions follow."""
    served = [NIGHTS // (promotion.number + 1)] * (promotion.number + 1) if promotion.number > 1 else [0, NIGHTS]
    judged = 0
    for number, nights in enumerate(served):
        level = martingale.level(max(1, number))  # the first was promoted in a month before
        lost, gained = 0, 0
        for _ in range(nights):
            samples = int(draw.binomial(SENT, promotion.share))
            shares = ((promotion.disagreement + promotion.worse) / 2, (promotion.disagreement - promotion.worse) / 2)
            new_lost, new_gained, _ = draw.multinomial(samples, (*shares, 1 - sum(shares)))
            lost, gained, judged = lost + int(new_lost), gained + int(new_gained), judged + samples
            if martingale.against(lost, gained) * level >= 1:
                return MonthOutcome(True, judged)
    return MonthOutcome(False, judged)


def row(promotion: Promotion, months: int, seed: int) -> str:
    """Return a line of the table."""
    draw = np.random.default_rng(seed)
    outcomes = [month(promotion, draw) for _ in range(months)]
    out = [one.judged for one in outcomes if one.out]
    median = f"{np.median(out):.0f}" if len(out) > months / 2 else "–"
    return f"| {promotion.name} | {months} | {share(len(out), months)} | {promotion.reach} | {median} |"


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watch", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--months", type=int, default=MONTHS, help="of each line (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    print("| the version that was promoted | months | taken out of service | required | judged until then (median) |")
    print("|---|---|---|---|---|")
    for promotion in PROMOTIONS:
        print(row(promotion, args.months, args.seed), flush=True)


if __name__ == "__main__":
    main()
