"""What a version makes of labelled samples: what its head answers from, and each modality before the fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmdemo.checks import out_of_distribution
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.tasks import Task
from mmdemo.training.data.datasets import Item, decode_rows
from mmdemo.training.data.token_cache import TokenCache
from mmdemo.training.fitting.inference import outputs
from mmdemo.training.manifests import Row
from mmdemo.versions import sidecar

AT_ONCE = 256  # samples that are decoded together: what is kept of one takes a few kilobytes, a picture 150


@dataclass(frozen=True)
class Representations:
    """Samples as one version represents them, in the order in which they were given."""

    features: np.ndarray  # (n, d) float32: what the head answers from
    whitened: Mapping[str, np.ndarray]  # modality → (n, w) float32 of unit length, zeros where a sample lacks it

    def of(self, places: Sequence[int]) -> Representations:
        """Return those of some of the samples."""
        chosen = list(places)
        return Representations(self.features[chosen], {name: each[chosen] for name, each in self.whitened.items()})


def of_version(folder: Path, rows: Sequence[Row], task: Task, cache: TokenCache | None = None) -> Representations:
    """Ask the version in `folder` about rows; `cache` may know what its encoders make of them.

    Modalities of which it keeps no reference statistics are in none of the `whitened`. Raises CheckpointError,
    ManifestError (a row that cannot be read).
    """
    task = task.in_profile(sidecar.read(folder).profile)
    loaded, cache = MultimodalModel.load(folder), cache or TokenCache()
    parts = []
    for start in range(0, len(rows), AT_ONCE):
        some = rows[start : start + AT_ONCE]
        items = decode_rows(some, task, loaded.processor)
        parts.append(_of_items(loaded, cache.encode(loaded, items, ids=[row.id for row in some])))
    means = {name: np.concatenate([part[1][name] for part in parts]) for name in loaded.model.config.modalities}
    there = {name: np.any(each != 0, axis=1, keepdims=True) for name, each in means.items()}
    whitened = {
        name: _unit(out_of_distribution.whitened(stats, means[name])) * there[name]
        for name, stats in out_of_distribution.load(folder).items()
    }
    return Representations(np.concatenate([part[0] for part in parts]), whitened)


def _of_items(loaded: Loaded, items: Sequence[Item]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return features (n, d), and by modality the mean tokens (n, d), zeros where an item lacks it."""
    config = loaded.model.config
    features = np.zeros((len(items), config.dim), np.float32)
    means = {name: np.zeros((len(items), config.dim), np.float32) for name in config.modalities}
    for rows, output in outputs(loaded, items):
        assert output.features is not None
        features[rows] = output.features.cpu().numpy()
        for name, values in (output.pooled or {}).items():
            there = np.array([name in items[row].modalities for row in rows])
            means[name][np.array(rows)[there]] = values.cpu().numpy()[there]
    return features, means


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
