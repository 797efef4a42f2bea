"""Depth pruning: the last layers of encoders and of the fusion go, and a short training recovers what it can.

Sajjad et al., "On the effect of dropping layers of pre-trained transformer models", Computer Speech & Language 2023,
section 3.1 (top-layer dropping). What is left learns from labels and from the original's answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from mmdemo.compression.interface import Compressed, Request
from mmdemo.compression.learning import recovered
from mmdemo.errors import ManifestError
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.model.encoders import pretrained
from mmdemo.model.encoders.families import FAMILIES
from mmdemo.training.jobs import TrainingJob
from mmdemo.training.manifests import Row

FUSION = "fusion"
EPOCHS = 1.0  # of recovery


def depth(request: Request) -> Compressed:
    """Keep the first layers of each part that is named. Raises ManifestError for what has none, or fewer."""
    wanted, model = request.settings.layers, request.loaded.model
    known = {name: len(layers) for name, layers in _layers(model).items()}
    if not wanted or any(not 0 < count < known.get(name, 0) for name, count in wanted.items()):
        value = ", ".join(f"{name}={count}" for name, count in wanted.items())
        listed = ", ".join(f"{name} of {count}" for name, count in known.items())
        raise ManifestError("compress_layers", value=value, known=listed)
    settings = {f"{name}_layers": count for name, count in wanted.items()}

    def shorter(job: TrainingJob, rows: Sequence[Row]) -> Loaded:
        for name, count in wanted.items():
            _shorten(model, name, count)
        return request.loaded

    return recovered(request, request.task, settings, shorter, {"epochs": EPOCHS})


def _layers(model: MultimodalModel) -> dict[str, Sequence[nn.Module]]:
    """Return the layers of the parts that have some to spare, by modality, and of the fusion."""
    parts: dict[str, Any] = {}
    for name, encoder in model.encoders.items():
        backbone: Any = getattr(encoder, "backbone", None)
        families = FAMILIES[name]
        family = families.get(getattr(getattr(backbone, "config", None), "model_type", ""))
        if family is not None and family.layers is not None:
            parts[name] = backbone.get_submodule(family.layers[0])
    layers = getattr(model.fusion, "layers", None)
    return {**parts, **({FUSION: layers} if isinstance(layers, nn.ModuleList) else {})}


def _shorten(model: MultimodalModel, name: str, count: int) -> None:
    if name == FUSION:
        fusion: Any = model.fusion
        fusion.layers = fusion.layers[:count]
        model.config.layers = count
        return
    backbone: Any = model.encoders[name].get_submodule("backbone")
    pretrained.shortened(backbone, name, count)
    spec = {**model.config.encoders[name], "config": pretrained.kept(backbone)}
    model.config.encoders = {**model.config.encoders, name: spec}
