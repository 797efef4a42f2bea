"""How much of an encoder that started from trained weights is trained: all, none, or a few new weights beside it.

What peft adds is merged into the weights at the end, so that serving needs no peft; the bottleneck adapter stays a part
of the model, and its width stands in the model's configuration.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel
from mmdemo.model.encoders import adapter
from mmdemo.training.options import Tuning

SCALE = 2  # LoRA's alpha, in ranks
BUDGET = 2  # AdaLoRA starts with this many times the rank that it ends with


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


METHODS: dict[Tuning, Callable[[MultimodalModel, str, Size], None]] = {
    Tuning.FULL: _full,
    Tuning.FROZEN: _frozen,
    Tuning.LORA: _lora,
    Tuning.ADALORA: _adalora_added,
    Tuning.IA3: _ia3,
    Tuning.ADAPTER: _adapter,
}
