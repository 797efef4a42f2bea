"""Which candidates are nearest to a sample: exact cosine, one matrix product for each pair of modalities.

Each modality of the sample is compared with each of a candidate. Two captions are closer to each other than a caption
is to its picture, whatever they say, so a bare cosine would never let a picture find a caption where there are
pictures. A pair's score is therefore its cosine less the mean, and over the standard deviation, of the cosines of the
same two modalities between different candidates: how many deviations it stands above two samples that have nothing to
do with each other. A candidate's score is the best of its pairs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np

from mmdemo.retrieval.candidates import Candidate, CandidatePool

SAMPLED = 256  # candidates by which it is judged what is usual
FEWEST_PAIRS = 2  # of different candidates: with fewer nobody knows what is usual, and the cosine itself is the score
LEAST_SPREAD = 0.05  # below it candidates are all one, and small differences say nothing


@dataclass(frozen=True)
class Match:
    """A candidate that was found, and by what."""

    candidate: Candidate
    score: float
    cosine: float
    query: str  # modality of the sample that is asked about
    match: str  # modality of the candidate


def nearest(query: Mapping[str, np.ndarray], pool: CandidatePool, k: int, without: str = "") -> list[Match]:
    """Return the `k` candidates nearest to features (d,) by modality, best first; of equal ones the earlier.

    `without` is the content that is not to be found, the sample's own; what stands in the pool twice is found once.
    """
    pairs = list(product(query, pool.features))
    if not pairs or not pool.candidates:
        return []
    cosines = np.stack([pool.features[match] @ query[one] for one, match in pairs])  # (pairs, n)
    usual = np.array([_usual(pool, one, match) for one, match in pairs])  # (pairs, 2)
    scores = (cosines - usual[:, :1]) / usual[:, 1:]
    scores[~np.stack([_has(pool, match) for _, match in pairs])] = -np.inf
    best, columns = scores.argmax(axis=0), np.arange(len(pool.candidates))
    matches: dict[str, Match] = {}
    for place in np.argsort(-scores[best, columns], kind="stable"):
        candidate, pair = pool.candidates[place], best[place]
        if len(matches) == k or not np.isfinite(scores[pair, place]):
            break
        if candidate.content not in (without, *matches):
            numbers = float(scores[pair, place]), float(cosines[pair, place])
            matches[candidate.content] = Match(candidate, *numbers, *pairs[pair])
    return list(matches.values())


def _usual(pool: CandidatePool, one: str, other: str) -> tuple[float, float]:
    """Return mean and deviation of the cosines of two modalities between different candidates."""
    if one not in pool.features:
        return 0.0, 1.0
    rows, columns = _some(_has(pool, one)), _some(_has(pool, other))
    cosines = pool.features[one][rows] @ pool.features[other][columns].T  # (rows, columns)
    apart = cosines[rows[:, None] != columns[None, :]]
    if len(apart) < FEWEST_PAIRS:
        return 0.0, 1.0
    return float(apart.mean()), max(float(apart.std()), LEAST_SPREAD)


def _has(pool: CandidatePool, name: str) -> np.ndarray:
    return np.any(pool.features[name] != 0, axis=1)  # (n,) bool


def _some(has: np.ndarray) -> np.ndarray:
    """Return at most SAMPLED places of those that have it, evenly spread."""
    places = np.flatnonzero(has)
    return places[np.unique(np.linspace(0, len(places) - 1, SAMPLED).round().astype(int))] if len(places) else places
