"""Hyperparameters, each default written once; a task's [training] and then the caller's own override them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mmdemo.errors import ManifestError
from mmdemo.model.packing import BITS
from mmdemo.tasks import Task
from mmdemo.training.objectives import OBJECTIVES

FINE_TUNED, FROM_SCRATCH = 3.0, 30.0  # epochs


class Tuning(StrEnum):
    """How much of an encoder that started from trained weights is trained: all, none, or new weights beside it."""

    FULL = "full"
    FROZEN = "frozen"
    LORA = "lora"
    ADALORA = "adalora"
    IA3 = "ia3"
    ADAPTER = "adapter"


class Precision(StrEnum):
    """What products are computed in while a model is trained."""

    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True)
class Options:
    """How a model is trained."""

    epochs: float = 0.0  # times through the samples; 0: FINE_TUNED where an encoder has a start, else FROM_SCRATCH
    batch: int = 32  # samples a step
    accumulate: int = 1  # parts in which a step's samples are computed, one behind another, where memory is short
    encoder_lr: float = 5e-5  # encoders that start from trained weights
    head_lr: float = 5e-4  # everything that starts from nothing: fusion, head, encoders without a start
    weight_decay: float = 0.01  # matrices only: never biases and norms
    warmup: float = 0.1  # share of the steps over which the learning rate rises; a cosine brings it down
    label_smoothing: float = 0.05
    class_weights: float = 0.0  # 1: every label weighs the same, however rare; 0: every sample does
    hold_out: float = 0.1  # share of train set aside, by speaker where known, to fit temperatures on
    patience: int = 0  # epochs without a smaller loss on what is set aside that end it, the best kept; 0: none do
    ema: float = 0.0  # decay a step of averaged weights, which are then the ones kept; 0: the last ones are
    by_length: bool = False  # captions of like length are learned together, which spares their padding
    augment: bool = True  # pictures flipped and shifted, sounds made louder, faster, noisier
    mirror: bool = True  # whether pictures may be flipped; not where left and right matter
    word_dropout: float = 0.0  # share of a caption's words that are left out
    word_replacement: float = 0.0  # share of a caption's words that any of train's stand in for
    moment_dropout: float = 0.0  # largest share of a clip's moments that are muted, where `augment` changes sounds
    mixup: float = 0.0  # alpha: how evenly two clips are mixed, where sound is all there is; 0: never
    contrast: float = 0.0  # weight of telling which caption belongs to which picture or sound; 0: none
    adversarial: float = 0.0  # length of the worst step of the fusion's tokens, in their own lengths; 0: none
    adversarial_steps: int = 1  # in which it is found: 1 is FGM, more are PGD
    distill: float = 0.5  # share of the teachers' answers in what is asked for, where there are teachers
    tuning: Tuning = Tuning.FULL  # of encoders with a start
    rank: int = 8  # of the matrices of LoRA and AdaLoRA; width of an adapter
    copies: int = 0  # changed copies of a sample that encoders which don't learn are asked for, once; 0: at each visit
    frozen: tuple[str, ...] = ()  # beginnings of the names of parameters that keep their value
    max_grad_norm: float = 1.0
    precision: Precision = Precision.BF16  # where the device has it; a GPU without takes fp16; weights stay fp32
    bits: int = 16  # of a weight in the version's file: 16, or 8 with a scale for each row of a matrix
    seed: int = 0

    @property
    def at_once(self) -> int:
        """Samples that are computed at once, by all processes together."""
        return math.ceil(self.batch / self.accumulate)


def options(task: Task, **overrides: Any) -> Options:
    """Return the options of a run. Raises ManifestError for one that does not exist or has the wrong type."""
    chosen = {**task.training, **{name: value for name, value in overrides.items() if value is not None}}
    result = dataclasses.replace(Options(), **_converted(chosen))
    for name, value in OBJECTIVES[task.kind].unfit.items():
        if name in chosen and getattr(result, name) != value:
            raise ManifestError("option_not_for_kind", option=name, kind=task.kind, value=value)
        result = dataclasses.replace(result, **{name: value})
    started = any("start" in entry for entry in task.encoders.values())
    return result if result.epochs else dataclasses.replace(result, epochs=FINE_TUNED if started else FROM_SCRATCH)


def _converted(chosen: Mapping[str, Any]) -> dict[str, Any]:
    defaults = {item.name: item.default for item in dataclasses.fields(Options)}
    result = {}
    for name, value in chosen.items():
        if name not in defaults:
            raise ManifestError("unknown_option", option=name, known=", ".join(defaults))
        try:
            result[name] = _AS[type(defaults[name])](value)
        except (TypeError, ValueError) as error:
            raise ManifestError("option_wrong", option=name, value=value) from error
        if not _CHECKS.get(name, _not_negative)(result[name]):
            raise ManifestError("option_wrong", option=name, value=value)
    return result


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(value)


def _not_negative(value: Any) -> bool:
    return not isinstance(value, int | float) or value >= 0


# Option → what it must be; every other number must not be negative.
_CHECKS: dict[str, Callable[[Any], bool]] = {
    "bits": BITS.__contains__,
    **dict.fromkeys(("batch", "accumulate", "adversarial_steps", "rank"), lambda value: value >= 1),
    **dict.fromkeys(
        ("hold_out", "ema", "word_dropout", "word_replacement", "moment_dropout"), lambda value: 0 <= value < 1
    ),
    **dict.fromkeys(("class_weights", "distill"), lambda value: 0 <= value <= 1),
}
_AS: dict[type, Any] = {
    int: int,
    float: float,
    bool: _flag,
    tuple: tuple,
    Tuning: Tuning,
    Precision: Precision,
}
