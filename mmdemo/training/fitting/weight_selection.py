"""Which weights a training ends with: the last ones, their moving average, or those of its best epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import TrainerCallback

from mmdemo.model import MultimodalModel

JUDGED_BY = "set_aside_loss"  # the figure that early stopping goes by


class WeightSelector(TrainerCallback):
    """Keeps an exponential moving average (Polyak and Juditsky 1992), or what the best epoch left, where asked to."""

    def __init__(self, model: MultimodalModel, decay: float, patience: int) -> None:
        self._average = AveragedModel(model, multi_avg_fn=partial(_average, decay), use_buffers=True) if decay else None
        self._patience = patience
        self._best: dict[str, Any] | None = None
        self._least = math.inf
        self._waited = 0  # epochs since then

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._average:
            self._average.update_parameters(kwargs["model"])

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._patience:
            self._judge(kwargs["model"], kwargs["metrics"])
            control.should_training_stop |= self._waited >= self._patience

    def current(self, model: nn.Module) -> Any:
        """Return what an epoch is judged by: the average, where there is one."""
        return self._average.module if self._average else model

    def put_into(self, model: nn.Module) -> None:
        """Give `model` the weights that are kept."""
        model.load_state_dict(self._best or self.current(model).state_dict())

    def state(self) -> dict[str, Any]:
        """Return what a training that goes on needs."""
        average = self._average.state_dict() if self._average else None
        return {"average": average, "best": self._best, "least": self._least, "waited": self._waited}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        if self._average:
            self._average.load_state_dict(state["average"])
        self._best, self._least, self._waited = state["best"], state["least"], state["waited"]

    def _judge(self, model: nn.Module, figures: Mapping[str, float]) -> None:
        if figures[JUDGED_BY] < self._least:
            weights = self.current(model).state_dict()
            self._best = {name: value.detach().cpu().clone() for name, value in weights.items()}
            self._least, self._waited = figures[JUDGED_BY], 0
        else:
            self._waited += 1


def _average(decay: float, averages: Sequence[Tensor], weights: Sequence[Tensor], steps: Tensor | int) -> None:
    """Move the averages towards the weights: at first fast, so that the random start is soon forgotten."""
    count = int(steps)
    get_ema_multi_avg_fn(min(decay, (1 + count) / (10 + count)))(averages, weights, steps)
