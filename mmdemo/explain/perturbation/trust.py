"""How far to trust one map: does taking what it calls important hurt the answer more than taking at random?

Of the sample itself, or, which costs a tenth, of what the encoders made of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmdemo.decode import sample_id
from mmdemo.explain.maps import AimedPass
from mmdemo.explain.perturbation import deletion
from mmdemo.explain.perturbation.faithfulness import area, deletion_curves
from mmdemo.explain.perturbation.perturbers import InputPerturber, Judge, TokenMasker
from mmdemo.values.analysis import Trust, TrustVerdict
from mmdemo.values.layout import scores_of
from mmdemo.values.samples import Explanation

SHARES = (0, 15, 40, 100)  # per cent of all units together, taken from the input itself: each costs a picture an order
ORDERS = 9  # random orders: to beat them all happens by chance one time in ten
EVEN = 0.001  # of mean probability: by less nothing is ahead
FEWEST = 8  # units: of fewer, a random order begins with the one that matters too often


def trust(aimed: AimedPass, explained: Explanation) -> Trust:
    """Return how a map does against random orders, the same for the same sample: its content is the seed.

    The map counts as better where none of ORDERS random orders makes the probability fall farther, at most one as far,
    and they fall less far on average. What falls farther by less than EVEN falls as far.
    """
    seed, scores = _seed(aimed), scores_of(explained)
    curves = _curves(InputPerturber(aimed), scores, seed)
    areas = area(curves, SHARES)
    return Trust(
        verdict=_verdict(len(scores), areas),
        score=float(areas[1:].mean() - areas[0]),
        shares=SHARES,
        map=tuple(curves[0].tolist()),
        random=tuple(curves[1:].mean(axis=0).tolist()),
        orders=ORDERS,
        seed=seed,
        as_good=int((areas[1:] <= areas[0]).sum()),
    )


def shortfall(aimed: AimedPass, explained: Explanation) -> int:
    """Return how many of ORDERS random orders a map does not beat, at the fusion's door: 0 is best.

    A count, so that versions are compared by it however sure each of them is.
    """
    areas = area(_curves(TokenMasker(aimed), scores_of(explained), _seed(aimed)), SHARES)
    return int((areas[1:] <= areas[0]).sum())


def _curves(judge: Judge, scores: Sequence[float], seed: int) -> np.ndarray:
    """Return (1 + ORDERS, shares): the deletion of a map's units, the highest first, and of random orders."""
    draw = np.random.default_rng(seed)
    orders = [deletion.ordered(scores, draw), *(draw.permutation(len(scores)).tolist() for _ in range(ORDERS))]
    return deletion_curves(judge, orders, SHARES)


def _seed(aimed: AimedPass) -> int:
    return int(sample_id(aimed.inputs, "trust")[:8], 16)


def _verdict(units: int, areas: np.ndarray) -> TrustVerdict:
    if units < FEWEST:
        return TrustVerdict.TOO_FEW
    leads = areas[1:] - areas[0]  # (ORDERS,): how much farther the map makes the probability fall than each order
    farther, as_far = (leads < -EVEN).sum(), ((leads >= -EVEN) & (leads <= 0)).sum()
    is_better = farther == 0 and as_far <= 1 and leads.mean() > EVEN
    return TrustVerdict.BETTER if is_better else TrustVerdict.NO_BETTER
