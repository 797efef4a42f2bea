"""How often a sample's other modality is found by the first: recall at 10 among samples drawn at random, both ways."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from math import comb

import numpy as np

from mmdemo import decode
from mmdemo.errors import BadInput
from mmdemo.evaluation import metrics
from mmdemo.evaluation.answers import LabelledRow
from mmdemo.prediction.predictor import Predictor
from mmdemo.values.results import Recall
from mmdemo.values.samples import Inputs

SAMPLES = 500
AT = 10
BATCH = 32
SEED = 0  # of the draw and the bootstrap: the same model and manifest give the same figures


@dataclass(frozen=True)
class _Encoded:
    """A sample by modality: its features (d,), and SHA-256 over what it is."""

    features: Mapping[str, np.ndarray]
    content: Mapping[str, str]


def measure(
    predictor: Predictor,
    rows: Sequence[LabelledRow],
    progress: Callable[[str], None] = lambda _: None,
    samples: int = SAMPLES,
) -> dict[str, Recall]:
    """Return by direction, such as `image_to_text`, how often the partner is among the AT nearest of so many `samples`.

    Samples with one modality take no part; there is no figure where AT of them are all there are, or fewer.
    """
    if len(predictor.task.modalities) < 2:
        return {}
    progress(f"looking for partners among {samples} samples")
    drawn = np.random.default_rng(SEED).permutation(len(rows))
    encoded = list(_encoded(predictor, [rows[i] for i in drawn], samples))
    recalls = {}
    for one, other in permutations(predictor.task.modalities, 2):
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


def _encoded(predictor: Predictor, rows: Sequence[LabelledRow], most: int) -> Iterator[_Encoded]:
    usable = islice(_several(predictor, rows), most)
    for batch in iter(lambda: list(islice(usable, BATCH)), []):
        by_sample = predictor.features(batch).by_sample
        for inputs, features in zip(batch, by_sample, strict=True):
            parts = {name: inputs.only([name]) for name in inputs.modalities}
            content = {name: decode.sample_id(part, predictor.task.name) for name, part in parts.items()}
            yield _Encoded(features, content)


def _several(predictor: Predictor, rows: Sequence[LabelledRow]) -> Iterator[Inputs]:
    """Yield the samples that can be judged and have several modalities."""
    for row in rows:
        try:
            inputs = decode.decode(row.sample, predictor.task)
            predictor.check(inputs)
        except BadInput:
            continue
        if len(inputs.modalities) > 1:
            yield inputs


def _stacked(encoded: Sequence[_Encoded], name: str) -> np.ndarray:
    return np.stack([each.features[name] for each in encoded])  # (samples, d)
