"""How a night trains: each default written once; a task's [retrain] overrides them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from mmdemo.errors import ManifestError
from mmdemo.tasks import Task
from mmdemo.training.data.augmentation import Augmentation
from mmdemo.training.options import Tuning, options


@dataclass(frozen=True)
class Recipe:
    """How a challenger is made from a champion."""

    steps: int = 120
    passes: int = 4  # over the corrections at least, which takes more steps where there are many
    batch: int = 8  # corrections a step, and as many rehearsed samples
    lr: float = 1e-3  # falls to 0 along a cosine
    soften: float = 0.1  # share of the champion's answer in a correction's target
    rehearse: float = 1.0  # weight of staying with the champion's answers on rehearsed samples
    temperature: float = 2.0  # at which those answers are compared
    pull: float = 1.0  # L2-SP: weight of half the squared distance from the champion's weights
    tuning: Tuning = Tuning.FROZEN  # of encoders that started from trained weights
    rank: int = 8  # of the matrices of LoRA and AdaLoRA; width of an adapter
    freeze_statistics: bool = True  # batch norms keep their running means and variances
    patience: int = 4  # looks at what is set aside without a smaller loss that end it; 0: none do
    augmentation: Augmentation = Augmentation()  # to samples of encoders that learn; those of the task's own training
    max_grad_norm: float = 1.0

    def as_options(self) -> dict[str, Any]:
        """Return the options of the night as a version's sidecar holds them."""
        options = dataclasses.asdict(self)
        augmentation = options.pop("augmentation")
        return options | {name: value for name, value in augmentation.items() if name != "words"}


def recipe_of(task: Task) -> Recipe:
    """Return the night's recipe, which changes samples as the task's own training does.

    Raises ManifestError for an option of [retrain] that does not exist or has the wrong type.
    """
    defaults = {item.name: item.default for item in dataclasses.fields(Recipe) if item.name != "augmentation"}
    chosen = {}
    for name, value in task.retrain.items():
        if name not in defaults:
            raise ManifestError("unknown_option", option=name, known=", ".join(defaults))
        chosen[name] = _converted(name, value, defaults[name])
    return Recipe(augmentation=Augmentation.of(options(task)), **chosen)


def started(task: Task) -> tuple[str, ...]:
    """Return the modalities whose encoders started from trained weights."""
    return tuple(name for name, entry in task.encoders.items() if "start" in entry)


def asks_once(task: Task) -> bool:
    """Return whether no encoder learns at night: what they made of a sample is then good for every night."""
    return recipe_of(task).tuning == Tuning.FROZEN and set(started(task)) == set(task.modalities)


def _converted(name: str, value: Any, default: Any) -> Any:
    try:
        if isinstance(default, bool) != isinstance(value, bool):
            raise ValueError(value)
        converted = type(default)(value)
    except (TypeError, ValueError) as error:
        raise ManifestError("option_wrong", option=name, value=value) from error
    if isinstance(converted, int | float) and converted < (1 if name in _AT_LEAST_ONE else 0):
        raise ManifestError("option_wrong", option=name, value=value)
    return converted


_AT_LEAST_ONE = ("batch", "rank", "temperature")
