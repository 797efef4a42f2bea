"""How far an input lies from what the model learned from, and what an answer to an unfamiliar one may claim.

Mahalanobis distance (Lee et al., "A simple unified framework for detecting out-of-distribution samples", NeurIPS 2018,
without classes) of a modality's mean token before the fusion, in the directions in which the training samples vary.
Training fits it, the version folder keeps it, serving asks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from mmdemo.errors import CheckpointError

FILE = "familiarity.safetensors"
DIRECTIONS = 32  # at most; what varies beyond them is one rest
QUANTILE = 0.99  # share of unseen samples like the training's that count as familiar
MARGIN = 0.01  # how far under the threshold the confidence of an unfamiliar sample lies


@dataclass(frozen=True)
class Stats:
    """Where the training samples lie: a Gaussian along the main directions, and a round one across the rest."""

    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (k, d) of unit length
    scale: np.ndarray  # (k + 1,) deviations along the directions; the last across the rest


def fit(features: np.ndarray) -> Stats:
    """Return the statistics of features (n, d) float of the training samples."""
    features = np.asarray(features, np.float64)
    mean = features.mean(axis=0)
    _, lengths, directions = np.linalg.svd(features - mean, full_matrices=False)  # (k,), (k, d)
    k = min(DIRECTIONS, len(lengths))
    spread = lengths / np.sqrt(max(1, len(features) - 1))
    rest = np.sqrt(np.square(spread[k:]).sum())
    scale = np.maximum([*spread[:k], rest], 1e-3 * max(float(spread[0]), 1e-6))
    return Stats(mean.astype(np.float32), directions[:k].astype(np.float32), scale.astype(np.float32))


def distance(stats: Stats, features: np.ndarray) -> np.ndarray:
    """Return the distances (n,) float of features (n, d) from the training samples; 1 is usual, more is stranger."""
    centred = np.asarray(features, np.float64) - stats.mean
    along = centred @ stats.directions.T  # (n, k)
    across = np.linalg.norm(centred - along @ stats.directions, axis=1, keepdims=True)  # (n, 1)
    return np.sqrt(np.square(np.concatenate([along, across], axis=1) / stats.scale).mean(axis=1))


def limit(stats: Stats, features: np.ndarray, quantile: float = QUANTILE) -> float:
    """Return the distance that `quantile` of unseen but usual features (n, d) stay under."""
    return round(float(np.quantile(distance(stats, features), quantile)), 4)


def pulled(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Return probabilities (classes,) mixed with an even guess until the highest lies under `threshold`.

    The order stays, the sum stays 1. Those that are under it already stay as they are; a threshold that even an even
    guess reaches gives nearly that guess.
    """
    even, highest = 1 / len(probabilities), float(probabilities.max())
    target = max(threshold - MARGIN, even + 1e-6)
    if highest <= target:
        return probabilities
    return even + (probabilities - even) * (target - even) / (highest - even)


def save(folder: Path, stats: Mapping[str, Stats]) -> None:
    """Write the statistics by modality into a version folder."""
    parts = {f"{modality}.{name}": value for modality, item in stats.items() for name, value in vars(item).items()}
    save_file({name: np.ascontiguousarray(value) for name, value in parts.items()}, folder / FILE)


def load(folder: Path) -> dict[str, Stats]:
    """Return the statistics of a version folder by modality, nothing where there are none. Raises CheckpointError."""
    if not (folder / FILE).is_file():
        return {}
    try:
        parts = load_file(folder / FILE)
        modalities = sorted({name.split(".")[0] for name in parts})
        return {m: Stats(*(parts[f"{m}.{name}"] for name in ("mean", "directions", "scale"))) for m in modalities}
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise CheckpointError("checkpoint_broken", path=folder / FILE, detail=error) from error
