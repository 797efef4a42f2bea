"""How far an input lies from what the model learned from, and what an answer to a strange one may claim.

Mahalanobis distance (Lee et al., "A simple unified framework for detecting out-of-distribution samples", NeurIPS 2018,
without classes) of a modality's mean token before the fusion, in the directions in which the training samples vary.
Training fits it (`training/reference.py`), the version folder keeps it, serving asks it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from mmdemo.errors import CheckpointError

FILE = "familiarity.safetensors"
MARGIN = 0.01  # how far under the threshold the confidence of a strange sample lies


@dataclass(frozen=True)
class ReferenceStats:
    """Where the training samples lie: a Gaussian along the main directions, and a round one across the rest."""

    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (k, d) of unit length
    scale: np.ndarray  # (k + 1,) deviations along the directions; the last across the rest


def distance(stats: ReferenceStats, features: np.ndarray) -> np.ndarray:
    """Return the distances (n,) float of features (n, d) from the training samples; 1 is usual, more is stranger."""
    centred = np.asarray(features, np.float64) - stats.mean
    along = centred @ stats.directions.T  # (n, k)
    across = np.linalg.norm(centred - along @ stats.directions, axis=1, keepdims=True)  # (n, 1)
    return np.sqrt(np.square(np.concatenate([along, across], axis=1) / stats.scale).mean(axis=1))


def whitened(stats: ReferenceStats, features: np.ndarray) -> np.ndarray:
    """Return features (n, d) as (n, k + d): along each direction, and across the rest, in deviations of training."""
    centred = np.asarray(features, np.float64) - stats.mean
    along = centred @ stats.directions.T  # (n, k)
    return np.concatenate([along / stats.scale[:-1], (centred - along @ stats.directions) / stats.scale[-1]], axis=1)


def strange(
    features: Mapping[str, np.ndarray], stats: Mapping[str, ReferenceStats], limits: Mapping[str, float]
) -> dict[str, np.ndarray]:
    """Return by modality which of features (n, d) lie beyond its limit, (n,) bool; none where it has no limit.

    A distance that is no number lies beyond it.
    """
    return {
        name: ~(distance(stats[name], values) <= limits[name])
        for name, values in features.items()
        if name in stats and name in limits
    }


def cap_confidence(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Return probabilities (classes,) mixed with an even guess until the highest lies under `threshold`.

    The order stays, the sum stays 1. Those that are under it already stay as they are; a threshold that even an even
    guess reaches gives nearly that guess.
    """
    even, highest = 1 / len(probabilities), float(probabilities.max())
    target = max(threshold - MARGIN, even + 1e-6)
    if highest <= target:
        return probabilities
    return even + (probabilities - even) * (target - even) / (highest - even)


def save(folder: Path, stats: Mapping[str, ReferenceStats]) -> None:
    """Write the statistics by modality into a version folder."""
    parts = {f"{modality}.{name}": value for modality, item in stats.items() for name, value in vars(item).items()}
    save_file({name: np.ascontiguousarray(value) for name, value in parts.items()}, folder / FILE)


def load(folder: Path) -> dict[str, ReferenceStats]:
    """Return the statistics of a version folder by modality, nothing where there are none. Raises CheckpointError."""
    if not (folder / FILE).is_file():
        return {}
    try:
        parts = load_file(folder / FILE)
        modalities = sorted({name.split(".")[0] for name in parts})
        return {
            m: ReferenceStats(*(parts[f"{m}.{name}"] for name in ("mean", "directions", "scale"))) for m in modalities
        }
    except (OSError, KeyError, ValueError, SafetensorError) as error:
        raise CheckpointError("checkpoint_broken", path=folder / FILE, detail=error) from error
