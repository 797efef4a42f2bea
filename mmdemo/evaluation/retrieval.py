"""How often a sample's other modality is found by the first: recall at 10 among samples drawn at random, both ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from math import comb

import numpy as np

from mmdemo.evaluation import metrics
from mmdemo.evaluation.answers import Answers, LabelledRow
from mmdemo.values.results import Recall
from mmdemo.values.samples import MODALITIES

SAMPLES = 500
AT = 10
SEED = 0  # of the draw and the bootstrap: the same model and manifest give the same figures


@dataclass(frozen=True)
class _Encoded:
    """A sample by modality: its features (d,), and SHA-256 over what it is."""

    features: Mapping[str, np.ndarray]
    content: Mapping[str, str]


def measure(answers: Answers, rows: Sequence[LabelledRow], samples: int = SAMPLES) -> dict[str, Recall]:
    """Return by direction, such as `image_to_text`, how often the partner is among the AT nearest of so many `samples`.

    They are drawn from `rows`, which were answered. Those with one modality take no part; there is no figure where AT
    of them are all there are, or fewer.
    """
    encoded = list(islice(_several(answers, rows), samples))
    recalls = {}
    for one, other in permutations(answers.task.modalities, 2):
        having = [each for each in encoded if one in each.features and other in each.features]
        if len(having) > AT:
            scores = _stacked(having, one) @ _stacked(having, other).T  # (samples, samples)
            recalls[f"{one}_to_{other}"] = recall(scores, [each.content[other] for each in having])
    return recalls


def recall(scores: np.ndarray, partners: Sequence[str], k: int = AT) -> Recall:
    """Return recall at `k` of scores (n, n): sample i is to find partner i, or another that is the same as it.

    A partner behind others that score the same comes after them; `chance` is what scores that say nothing would reach.
    """
    same = np.array(partners)[:, None] == np.array(partners)[None, :]  # (n, n)
    best = np.where(same, scores, -np.inf).max(axis=1, keepdims=True)
    hits = ((scores >= best) & ~same).sum(axis=1) < k  # (n,)
    n, counts = len(scores), same.sum(axis=1)
    drawn = metrics.resamples(n, np.random.default_rng(SEED)) @ hits / n
    chance = np.mean([1 - comb(n - int(count), k) / comb(n, k) for count in counts])
    return Recall(n, float(hits.mean()), float(chance), metrics.interval(drawn))


def _several(answers: Answers, rows: Sequence[LabelledRow]) -> Iterator[_Encoded]:
    """Yield the samples that were judged and have several modalities, in an order that is drawn."""
    features = {each.row.id: of for each, of in zip(answers.whole, answers.features, strict=True)}
    content = {
        name: {each.row.id: each.prediction.sample_id for each in answers.parts.get(name, ())} for name in MODALITIES
    }
    for place in np.random.default_rng(SEED).permutation(len(rows)):
        of = features.get(rows[place].id, {})
        if len(of) > 1:
            yield _Encoded(of, {name: content[name][rows[place].id] for name in of})


def _stacked(encoded: Sequence[_Encoded], name: str) -> np.ndarray:
    return np.stack([each.features[name] for each in encoded])  # (samples, d)
