"""Which options suit a task: trials over a table of ranges, each judged on the samples set aside from train.

Never on dev: what was chosen on samples is no longer judged by them honestly.
"""

from __future__ import annotations

import dataclasses
import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmdemo.errors import ManifestError
from mmdemo.model import Loaded
from mmdemo.tasks import Task
from mmdemo.training.data import Data, Manifests
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.fitting.processes import say
from mmdemo.training.jobs import TrainingJob, train_model
from mmdemo.training.manifests import splits
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.training.options import options

if TYPE_CHECKING:
    import optuna

Range = list[Any] | dict[str, float]  # the values to choose from, or the lowest and the highest one
RANGES: dict[str, Range] = {
    "head_lr": {"low": 1e-4, "high": 3e-3},
    "encoder_lr": {"low": 1e-5, "high": 2e-4},
    "weight_decay": [0.0, 0.01, 0.05],
    "label_smoothing": [0.0, 0.05, 0.1],
}


@dataclass(frozen=True)
class Trial:
    """One choice of options, and what it showed."""

    options: dict[str, Any]
    figures: dict[str, float]  # on the samples set aside
    dev: dict[str, float]  # on dev, which chooses nothing


def search(
    job: TrainingJob, sources: Manifests, *, ranges: Mapping[str, Range], trials: int, sampler: str
) -> list[Trial]:
    """Return the trials, the best one first. Raises ManifestError where optuna is missing or nothing is set aside."""
    study = _optuna().create_study(direction="maximize", sampler=SAMPLERS[sampler](ranges, job.options.seed))
    task, chosen = job.task, job.options
    train_manifest, dev_manifest = sources.read(task)
    processor = job.fresh(train_manifest.rows).processor
    samples, dev = (sources.decode(each, task, processor) for each in (train_manifest, dev_manifest))
    sides = splits.calibration_split(samples.rows, chosen.hold_out, task.split_by)
    data = Data(samples.of(sides[0]), samples.of(sides[1]))
    if not data.calibration:
        raise ManifestError("search_without_aside")
    dev_items, done = dev.of(dev.rows), list[Trial]()

    objective = OBJECTIVES[task.kind]

    def attempt(trial: optuna.Trial) -> float:
        drawn = {name: _draw(trial, name, values) for name, values in ranges.items()}
        attempted = dataclasses.replace(job, options=options(task, **{**dataclasses.asdict(chosen), **drawn}))
        loaded = Loaded(attempted.fresh(train_manifest.rows).model, processor)
        train_model(attempted, loaded, data)
        on_aside, on_dev = (
            objective.figures(task, logits(loaded, items), targets_of(items)) for items in (data.calibration, dev_items)
        )
        done.append(Trial(drawn, on_aside, on_dev))
        say(f"trial {len(done)}: {drawn}, {objective.chosen_by} {on_aside[objective.chosen_by]:.4f}")
        return on_aside[objective.chosen_by]

    study.optimize(attempt, n_trials=trials)
    return sorted(done, key=lambda trial: -trial.figures[objective.chosen_by])


def ranges_of(task: Task, path: Path | None) -> dict[str, Range]:
    """Return the ranges that a TOML file gives, or RANGES; an encoders' rate only where one has trained weights.

    Raises ManifestError for a file that is no table of ranges, or an option that does not exist.
    """
    if path is None:
        started = any("start" in entry for entry in task.encoders.values())
        without = {*OBJECTIVES[task.kind].unfit, *([] if started else ["encoder_lr"])}
        return {name: values for name, values in RANGES.items() if name not in without}
    try:
        ranges = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ManifestError("ranges_wrong", path=path, detail=error) from error
    for name, values in ranges.items():
        if not _is_range(values):
            raise ManifestError("ranges_wrong", path=path, detail=name)
        options(task, **{name: _grid(values)[0]})
    return ranges


def _is_range(values: Any) -> bool:
    if isinstance(values, dict):
        low, high = values.get("low"), values.get("high")
        return len(values) == 2 and isinstance(low, int | float) and isinstance(high, int | float) and 0 < low < high
    return isinstance(values, list) and bool(values)


def _draw(trial: optuna.Trial, name: str, values: Range) -> Any:
    if isinstance(values, dict):
        return trial.suggest_float(name, values["low"], values["high"], log=True)
    return trial.suggest_categorical(name, values)


def _grid(values: Range) -> list[Any]:
    if isinstance(values, dict):
        return [values["low"], math.sqrt(values["low"] * values["high"]), values["high"]]
    return values


def _optuna() -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ManifestError("package_missing", package="optuna", what="search") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it speaks of every trial, and so do we
    return optuna


def _over_grid(ranges: Mapping[str, Range], seed: int) -> optuna.samplers.BaseSampler:
    return _optuna().samplers.GridSampler({name: _grid(values) for name, values in ranges.items()}, seed)


SAMPLERS: dict[str, Callable[[Mapping[str, Range], int], optuna.samplers.BaseSampler]] = {
    "grid": _over_grid,
    "random": lambda ranges, seed: _optuna().samplers.RandomSampler(seed),
    "tpe": lambda ranges, seed: _optuna().samplers.TPESampler(seed=seed),
}
