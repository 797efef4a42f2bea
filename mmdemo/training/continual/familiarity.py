"""What is usual to a challenger: what was to its champion, moved as learning moved it, and the corrections.

Of what the champion learned from, its reference statistics are at hand.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mmdemo.checks import out_of_distribution
from mmdemo.checks.out_of_distribution import ReferenceStats, distance
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.training.calibration.reference_stats import QUANTILE, fit
from mmdemo.training.data import Data
from mmdemo.training.version_folder import Calibration, pooled
from mmdemo.versions import sidecar

REMEMBERED = 1000  # samples drawn from what was familiar to the champion, to stand for those it learned from
BLUR = 0.5  # how far remembered features move with the weights, in shares of how far those of the corrections do


def carry_on(loaded: Loaded, data: Data, *, champion: Path, seed: int) -> Calibration:
    """Keep the champion's scalings, and what was usual to it; the corrections become usual too.

    No limit gets narrower: few samples made it wide, and what is remembered of them is drawn as if they were many.
    """
    before = sidecar.read(champion)
    draw = np.random.default_rng(seed)
    old = pooled(Loaded(MultimodalModel.load(champion).model, loaded.processor), data.train)
    new = pooled(loaded, data.train)
    wider, limits = {}, {}
    for name, stats in out_of_distribution.load(champion).items():
        features = remember(stats, draw)
        if name in new:
            features += _blur(old[name], new[name], features.shape, draw)
        parts = [features, *([new[name]] if name in new else [])]
        wider[name] = fit(np.concatenate(parts))
        if name in before.familiarity:
            reach = [float(np.quantile(distance(wider[name], part), QUANTILE)) for part in parts]
            limits[name] = round(max(before.familiarity[name], *reach), 4)
    return Calibration(before.scalings, wider, limits, dict(before.too_few))


def remember(stats: ReferenceStats, draw: np.random.Generator) -> np.ndarray:
    """Return features (REMEMBERED, d) as the samples may have had that `stats` were fitted on."""
    along = draw.normal(size=(REMEMBERED, len(stats.directions))) * stats.scale[:-1]  # (n, k)
    rest = draw.normal(size=(REMEMBERED, len(stats.mean)))
    rest -= rest @ stats.directions.T @ stats.directions
    rest *= stats.scale[-1] / np.linalg.norm(rest, axis=1).mean()
    return stats.mean + along @ stats.directions + rest


def _blur(old: np.ndarray, new: np.ndarray, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """Return noise of `shape` (n, d) for what learning did to features that nobody can compute any more.

    The corrections' features went from `old` (m, d) to `new`; others went some other way, and less far.
    """
    distance = np.linalg.norm(new - old, axis=1).mean()
    return draw.normal(scale=BLUR * distance / np.sqrt(shape[1]), size=shape)
