"""What is usual to a challenger: what was to its champion, moved as learning moved it, and the corrections.

Of what the champion learned from, its reference statistics are at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmdemo.checks import out_of_distribution
from mmdemo.checks.out_of_distribution import ReferenceStats, distance
from mmdemo.model import Loaded
from mmdemo.training.calibration import FEWEST
from mmdemo.training.calibration.reference_stats import QUANTILE, fit
from mmdemo.training.data import Data
from mmdemo.training.data.datasets import Item, only
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.training.version_folder import Calibration, pooled
from mmdemo.values.samples import subsets
from mmdemo.versions import sidecar
from mmdemo.versions.temperature_scaling import TemperatureScaling

REMEMBERED = 1000  # samples drawn from what was familiar to the champion, to stand for those it learned from
BLUR = 0.5  # how far remembered features move with the weights, in shares of how far those of the corrections do


def carry_on(
    loaded: Loaded, data: Data, *, folder: Path, champion: Loaded, seed: int, remembered: Sequence[Item] = ()
) -> Calibration:
    """Fit scalings anew where there is something to fit them on, and keep what was usual to the champion.

    `data.calibration`: samples like those of all that is sent, which trained neither version; where a subset of the
    modalities has too few of them, its scaling stays the champion's. The corrections become usual too. No limit gets
    narrower: few samples made it wide, and what is remembered of them is drawn as if they were many. How learning moved
    what the champion knew, `remembered` samples tell; without them, the corrections have to.
    """
    before = sidecar.read(folder)
    draw = np.random.default_rng(seed)
    old, new = (pooled(model, data.train) for model in (champion, loaded))
    was, became = (pooled(model, remembered) if remembered else {} for model in (champion, loaded))
    wider, limits = {}, {}
    for name, stats in out_of_distribution.load(folder).items():
        features = remember(stats, draw)
        if name in was:
            features += _moved(was[name], became[name], features.shape, draw)
        elif name in new:
            features += _blur(old[name], new[name], features.shape, draw)
        parts = [features, *(part[name] for part in (new, became) if name in part)]
        wider[name] = fit(np.concatenate(parts))
        if name in before.familiarity:
            reach = [float(np.quantile(distance(wider[name], part), QUANTILE)) for part in parts]
            limits[name] = round(max(before.familiarity[name], *reach), 4)
    return Calibration(before.scalings | _scalings(loaded, data.calibration), wider, limits, dict(before.too_few))


def _scalings(loaded: Loaded, items: Sequence[Item]) -> dict[str, TemperatureScaling]:
    """Return what fits the answers to samples that trained nothing, by subset of the modalities that has enough."""
    by_subset = {subset: only(items, subset) for subset in subsets(loaded.model.config.modalities)}
    fit_scaling = OBJECTIVES[loaded.model.config.kind].fit_scaling
    return {
        sidecar.subset(subset): fit_scaling(logits(loaded, part), targets_of(part))
        for subset, part in by_subset.items()
        if len(part) >= FEWEST
    }


def remember(stats: ReferenceStats, draw: np.random.Generator) -> np.ndarray:
    """Return features (REMEMBERED, d) as the samples may have had that `stats` were fitted on."""
    along = draw.normal(size=(REMEMBERED, len(stats.directions))) * stats.scale[:-1]  # (n, k)
    rest = draw.normal(size=(REMEMBERED, len(stats.mean)))
    rest -= rest @ stats.directions.T @ stats.directions
    rest *= stats.scale[-1] / np.linalg.norm(rest, axis=1).mean()
    return stats.mean + along @ stats.directions + rest


def _moved(was: np.ndarray, became: np.ndarray, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """Return shifts of `shape` (n, d) as learning gave them to remembered features, from `was` (m, d) to `became`."""
    return (became - was)[draw.integers(len(was), size=shape[0])]


def _blur(old: np.ndarray, new: np.ndarray, shape: tuple[int, ...], draw: np.random.Generator) -> np.ndarray:
    """Return noise of `shape` (n, d) for what learning did to features that nobody can compute any more.

    The corrections' features went from `old` (m, d) to `new`; others went some other way, and less far.
    """
    distance = np.linalg.norm(new - old, axis=1).mean()
    return draw.normal(scale=BLUR * distance / np.sqrt(shape[1]), size=shape)
