"""What AdaLoRA does while a model is trained: it moves its ranks to where they count, and keeps its directions apart.

Zhang et al., "Adaptive budget allocation for parameter-efficient fine-tuning", ICLR 2023.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback

from mmdemo.model import MultimodalModel

ORTHOGONAL = 0.5  # weight of equation 4, as in its authors' code
_COUNTED = ("ipt", "exp_avg_ipt", "exp_avg_unc")


class Allocation(TrainerCallback):
    """AdaLoRA moves its budget of ranks to the layers where they count, step by step."""

    def __init__(self, model: MultimodalModel) -> None:
        self._tuners = list(_adalora(model))

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        for tuner in self._tuners:
            tuner.update_and_allocate(state.global_step)

    def state(self) -> list[dict[str, Any]]:
        """Return what a training that goes on needs: how much each weight has counted so far, and the plan."""
        return [
            {name: getattr(tuner.rankallocator, name) for name in _COUNTED}
            | {"pattern": tuner.peft_config["default"].rank_pattern}
            for tuner in self._tuners
        ]

    def restore(self, state: list[dict[str, Any]]) -> None:
        """Go on from what `state` returned."""
        for tuner, kept in zip(self._tuners, state, strict=True):
            tuner.peft_config["default"].rank_pattern = kept["pattern"]
            for name in _COUNTED:
                setattr(tuner.rankallocator, name, kept[name])


def orthogonality(model: MultimodalModel) -> Tensor:
    """Return what AdaLoRA adds to the loss: its directions stay apart. Zhang et al., ICLR 2023, equation 4."""
    parts = [
        torch.dist(p @ p.T if name.endswith("lora_A.default") else p.T @ p, torch.eye(min(p.shape), device=p.device))
        for tuner in _adalora(model)
        for name, p in tuner.named_parameters()
        if name.endswith(("lora_A.default", "lora_B.default"))
    ]
    return ORTHOGONAL * torch.stack(parts).mean() if parts else torch.zeros(())


def _adalora(model: MultimodalModel) -> Iterator[Any]:
    for encoder in model.encoders.values():
        tuner = getattr(encoder, "backbone", None)
        if hasattr(tuner, "rankallocator"):
            yield tuner
