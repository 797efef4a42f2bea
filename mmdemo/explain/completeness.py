"""Maps that agree with "What decided it": what a modality's scores sum to is what the modality added to the answer.

That an attribution's scores sum to the effect which they share out is called completeness (Sundararajan, Taly and Yan
2017, arXiv 1703.01365) or efficiency (Shapley 1953). The order within a modality stays, and so does what is first taken
from it. Letters: e the effect, p and q the shares of a modality's magnitudes that speak for and against.
"""

from collections.abc import Mapping, Sequence
from math import sqrt

from mmdemo.values.layout import Layout, scores_of
from mmdemo.values.samples import Explanation


def complete(explained: Explanation, effects: Mapping[str, float]) -> Explanation:
    """Return a signed map, the scores of each of its modalities sharing out that modality's effect."""
    layout = Layout.of(explained)
    parts = layout.split(scores_of(explained))
    scores = [score for modality, part in parts.items() for score in shared_out(part, effects[modality])]
    return layout.explanation(explained.method, explained.target, scores, explained.against, explained.signed)


def shared_out(scores: Sequence[float], effect: float) -> list[float]:
    """Return scores that sum to an effect, each on the side on which it was.

    Brought to magnitudes that sum to |e|, those for are multiplied by one factor and those against divided by it:
    of all scores that keep their signs and sum to e, these are the nearest by Kullback and Leibler's divergence of
    the magnitudes (the I-projection of Csiszár 1975). All together they are then |e| √(1 + 4pq), at most 1.42 |e|, so
    what hardly matters gets hardly anything. Where no unit speaks the effect's way no such scores exist, and the
    difference is shared evenly: so the order stays there too, but the weakest turn.
    """
    towards, against = (sum(max(sign * score, 0.0) for score in scores) for sign in (1, -1))
    magnitude = towards + against
    if not scores:
        return []
    if magnitude == 0 or (towards if effect > 0 else against) == 0:
        scaled = [score * _ratio(abs(effect), magnitude) for score in scores]
        rest = (effect - sum(scaled)) / len(scaled)
        return [score + rest for score in scaled]
    both = (towards / magnitude) * (against / magnitude)  # pq
    larger = abs(effect) * (sqrt(1 + 4 * both) + 1) / 2  # what the side of the effect sums to
    smaller = _ratio(effect * effect * both, larger)  # a factor and its inverse leave the sides' product as it is
    sums = (larger, smaller) if effect > 0 else (smaller, larger)
    factors = _ratio(sums[0], towards), _ratio(sums[1], against)
    return [score * factors[score < 0] for score in scores]


def _ratio(wanted: float, total: float) -> float:
    return wanted / total if total > 0 else 0.0
