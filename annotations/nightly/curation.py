"""What of the corrections a night leaves out of its training: suspected label errors, and near copies of other samples.

A function of the corrections and the base alone, so that the same night comes out again. What is held out or golden is
never touched: of what is like it nothing trains. A suspect is held back for this night only, and asked about once more;
what was answered at least twice is taken as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler

from annotations.nightly.dataset import Snapshot, Split
from mmdemo.answers import CLASSIFICATION
from mmdemo.tasks import Task
from mmdemo.training import representations
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.manifests import Row
from mmdemo.training.representations import Representations
from mmdemo.values.review import Reason

ALIKE = 0.97  # cosine in every modality from which two samples are copies: benchmarks/duplicates.md
BLOCK = 1024  # samples that are compared with all others at once
MOST = 0.2  # share of the training part that is held back at most
FEWEST = 40  # corrections to learn from, below which nobody is suspected
FOLDS = 5
LEAST_SKILL = 0.7  # of the head that judges: one that knows less of the labels suspects the right ones too
INVERSE_PENALTIES = (0.001, 0.01, 0.1, 1.0)  # of the head that judges, among which the labels' likelihood chooses
LEAST_MARGIN = 0.5  # by which another label is more probable than a suspected one
SEED = 0


def curate(task: Task, base: Path, snapshot: Snapshot, parts: Split, cache: TokenCache | None = None) -> Split:
    """Return the parts with less to train on; `base` is the folder of the version that is to be taught.

    Raises CheckpointError, ManifestError.
    """
    train = sorted(parts.train, key=lambda row: (row.id not in snapshot.confirmed, row.id))
    judged = list({row.id: row for row in (*parts.held_out, *parts.golden)}.values())
    every = [*judged, *train]
    if not train:
        return parts
    represented = representations.of_version(base, every, task, cache)
    copies = copied(represented, len(judged))
    kept = [place for place in range(len(judged), len(every)) if not copies[place]]
    rows = [every[place] for place in kept]
    suspicions = KINDS[task.kind](task, rows, represented.of(kept).features)
    doubted = most_suspicious(rows, suspicions, snapshot.confirmed, len(train))
    dropped = {row.id for row in doubted}
    return replace(
        parts,
        train=tuple(row for row in parts.train if row.id in {each.id for each in rows} - dropped),
        suspects=tuple(doubted),
        copies=tuple(every[place] for place in np.flatnonzero(copies)),
    )


def reasons(parts: Split) -> tuple[Reason, ...]:
    """Return a sentence each for what was left out of training."""
    counts = {"status.night_suspects": len(parts.suspects), "status.night_copies": len(parts.copies)}
    return tuple(Reason(key, {"count": count}) for key, count in counts.items() if count)


def copied(represented: Representations, settled: int, alike: float = ALIKE) -> np.ndarray:
    """Return (n,) bool: which samples are near copies of an earlier one that is not itself one.

    The first `settled` samples are never said to be. Samples are compared with those of the same modalities alone,
    and are copies where they are near in each of them. Time grows with the square of their number, memory with it.
    """
    names = sorted(represented.whitened)
    copies = np.zeros(len(represented.features), bool)
    if not names:
        return copies
    vectors = [represented.whitened[name] for name in names]
    there = np.stack([np.any(each != 0, axis=1) for each in vectors], axis=1)  # (n, modalities)
    for pattern in np.unique(there, axis=0):
        if pattern.any():
            places = np.flatnonzero((there == pattern).all(axis=1))
            chosen = [each[places] for each, has in zip(vectors, pattern, strict=True) if has]
            copies[places] = _copied(chosen, int((places < settled).sum()), alike)
    return copies


def _copied(vectors: Sequence[np.ndarray], settled: int, alike: float) -> np.ndarray:
    """Return the same of samples that all have the same modalities, given by each of them as (n, w) of unit length."""
    number = len(vectors[0])
    copies = np.zeros(number, bool)
    for start in range(settled, number, BLOCK):
        block = slice(start, min(start + BLOCK, number))
        near = np.ones((block.stop - start, block.stop), bool)  # (block, all up to its end)
        for each in vectors:
            near &= each[block] @ each[: block.stop].T >= alike
        copies[block] = (near[:, :start] & ~copies[:start]).any(axis=1)
        for place in range(start, block.stop):  # within the block one after another: a copy makes no copies
            earlier = slice(start, place)
            copies[place] |= bool((near[place - start, earlier] & ~copies[earlier]).any())
    return copies


def label_suspicions(task: Task, rows: Sequence[Row], features: np.ndarray) -> np.ndarray:
    """Return (n,) float: by how much a head that did not learn a sample's label speaks against it, 0 for no suspicion.

    Confident learning (Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset labels",
    JAIR 2021): a label is suspected where another one is at least as likely as it is on average where it stands; and
    here by LEAST_MARGIN likelier than its own, so that a head that is unsure itself suspects nobody.
    """
    suspicions = np.zeros(len(rows))
    _, labels, counts = np.unique([row.label for row in rows], return_inverse=True, return_counts=True)
    common = np.isin(labels, np.flatnonzero(counts >= FOLDS))  # of the others no fold says anything
    if common.sum() < FEWEST or len(set(labels[common])) < 2:
        return suspicions
    labels = np.unique(labels[common], return_inverse=True)[1]
    probabilities = _out_of_sample(features[common], labels)
    if _skill(probabilities, labels) < LEAST_SKILL:
        return suspicions
    margins = probabilities.max(axis=1) - probabilities[np.arange(len(labels)), labels]
    wrong = find_label_issues(labels, probabilities, filter_by="confident_learning", n_jobs=1)
    suspicions[common] = np.where(wrong & (margins >= LEAST_MARGIN), margins, 0.0)
    return suspicions


def _out_of_sample(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (n, classes) probabilities, of each sample by a head that learned from the other folds.

    Of several penalties it is the one under which the labels are likeliest.
    """
    features = features.astype(np.float64)  # in float32 probabilities do not add up to one
    candidates = np.zeros((len(INVERSE_PENALTIES), len(labels), int(labels.max()) + 1))
    for others, fold in StratifiedKFold(FOLDS, shuffle=True, random_state=SEED).split(features, labels):
        scaler = StandardScaler().fit(features[others])
        learned, judged = scaler.transform(features[others]), scaler.transform(features[fold])
        for place, inverse in enumerate(INVERSE_PENALTIES):
            head = LogisticRegression(C=inverse, max_iter=1000).fit(learned, labels[others])
            candidates[place, fold] = head.predict_proba(judged)
    return min(candidates, key=partial(log_loss, labels))


def _skill(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Return how much of what the commonest label alone gets wrong the head gets right, 1 for all of it."""
    wrong = np.bincount(labels).max() / len(labels) - 1
    return 1 + float((probabilities.argmax(axis=1) != labels).mean()) / wrong


def most_suspicious(rows: Sequence[Row], suspicions: np.ndarray, confirmed: Set[str], number: int) -> list[Row]:
    """Return the suspects, the greatest suspicion first, at most MOST of the `number` of corrections."""
    order = np.argsort(-suspicions, kind="stable")
    suspects = [rows[place] for place in order if suspicions[place] > 0 and rows[place].id not in confirmed]
    return suspects[: int(MOST * number)]


# By kind of answer: task, rows to train on, what the base's head answers from (n, d) → suspicions (n,), 0 for none
KINDS: dict[str, Callable[[Task, Sequence[Row], np.ndarray], np.ndarray]] = {CLASSIFICATION: label_suspicions}
