"""How much of an encoder that started from trained weights is trained: all, none, or a few new weights beside it.

What peft adds is merged into the weights at the end, so that serving needs no peft; the bottleneck adapter stays a part
of the model, and its width stands in the model's configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import TrainerCallback

from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel
from mmdemo.model.encoders import adapter
from mmdemo.training.options import Tuning

SCALE = 2  # LoRA's alpha, in ranks
BUDGET = 2  # AdaLoRA starts with this many times the rank that it ends with
ORTHOGONAL = 0.5  # AdaLoRA: weight of equation 4, as in its authors' code


@dataclass(frozen=True)
class Size:
    """What the methods are told."""

    rank: int  # of LoRA's and AdaLoRA's matrices; width of an adapter
    steps: int  # of the whole training; AdaLoRA plans by them


def start(model: MultimodalModel, method: Tuning, size: Size, modalities: Sequence[str]) -> None:
    """Ready the encoders of `modalities`, which started from trained weights, in place.

    Raises ManifestError where the method needs peft and it is not installed.
    """
    for name in modalities:
        METHODS[method](model, name, size)


def merge(model: MultimodalModel) -> None:
    """Fold what peft added into the weights: the model is then as if it had been trained whole."""
    for encoder in model.encoders.values():
        merged: Any = getattr(getattr(encoder, "backbone", None), "merge_and_unload", None)
        if merged is not None:
            encoder.backbone = merged()


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


def _full(model: MultimodalModel, name: str, size: Size) -> None:
    """All of the encoder is trained."""


def _frozen(model: MultimodalModel, name: str, size: Size) -> None:
    _backbone(model, name).requires_grad_(False)


def _lora(model: MultimodalModel, name: str, size: Size) -> None:
    """Hu et al., "LoRA: Low-rank adaptation of large language models", ICLR 2022, equation 3."""
    _add(model, name, "Lora", (nn.Linear, nn.Conv2d), r=size.rank, lora_alpha=SCALE * size.rank)


def _adalora_added(model: MultimodalModel, name: str, size: Size) -> None:
    """Zhang et al., "Adaptive budget allocation for parameter-efficient fine-tuning", ICLR 2023."""
    plan = {"total_step": size.steps, "tinit": size.steps // 10, "tfinal": size.steps // 3}
    ranks = {"init_r": BUDGET * size.rank, "target_r": size.rank, "lora_alpha": SCALE * size.rank}
    _add(model, name, "AdaLora", (nn.Linear,), **ranks, **plan, deltaT=max(1, size.steps // 50))


def _ia3(model: MultimodalModel, name: str, size: Size) -> None:
    """Liu et al., "Few-shot parameter-efficient fine-tuning is better and cheaper", NeurIPS 2022, section 3.3."""
    _add(model, name, "IA3", (nn.Linear, nn.Conv2d), feedforward_modules=[])


def _adapter(model: MultimodalModel, name: str, size: Size) -> None:
    backbone = _backbone(model, name)
    backbone.requires_grad_(False)
    if adapter.insert(backbone, size.rank):
        model.config.encoders[name]["adapter"] = size.rank
    for layer in backbone.modules():  # those that a parent came with too
        if isinstance(layer, adapter.AdaptedLinear):
            nn.ModuleList([layer.down, layer.up]).requires_grad_(True)


def _add(model: MultimodalModel, name: str, tuner: str, kinds: tuple[type[nn.Module], ...], **settings: Any) -> None:
    """Wrap a backbone with peft; one without a layer that the method knows stays as it is, frozen."""
    try:
        import peft
    except ImportError as error:
        raise ManifestError("package_missing", package="peft", what="--option tuning=…") from error
    backbone = _backbone(model, name)
    backbone.requires_grad_(False)
    targets = [path for path, layer in backbone.named_modules() if _fits(layer, kinds)]
    if targets:
        # The tuner itself: PeftModel around it asks transformers what is deprecated, and saves what we don't.
        config = getattr(peft, f"{tuner}Config")(target_modules=targets, **settings)
        model.encoders[name].backbone = getattr(peft, f"{tuner}Model")(backbone, config, "default")


def _fits(layer: nn.Module, kinds: tuple[type[nn.Module], ...]) -> bool:
    return type(layer) in kinds and getattr(layer, "groups", 1) == 1


def _backbone(model: MultimodalModel, name: str) -> nn.Module:
    return model.encoders[name].get_submodule("backbone")


_COUNTED = ("ipt", "exp_avg_ipt", "exp_avg_unc")

METHODS: dict[Tuning, Callable[[MultimodalModel, str, Size], None]] = {
    Tuning.FULL: _full,
    Tuning.FROZEN: _frozen,
    Tuning.LORA: _lora,
    Tuning.ADALORA: _adalora_added,
    Tuning.IA3: _ia3,
    Tuning.ADAPTER: _adapter,
}
