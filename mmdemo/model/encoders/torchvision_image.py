"""Picture encoders of torchvision by name: what a model sees just before it pools.

Letters of the shapes: b samples, d width of the encoder.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model.encoders.interface import EncoderRequest, EncoderSpec, ModalityEncoder
from mmdemo.model.encoders.pretrained import keep_statistics
from mmdemo.model.frontends.image import ImageFrontend

IMAGE_SIZE_PX = 224  # side of the square, where the task says nothing
_POOLING = ("avgpool", "fc", "classifier", "head")  # the first of these parts ends the feature map


class TorchvisionImage(ModalityEncoder):
    """A convolutional model of torchvision: regions of its last feature map."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        with torch.device("cpu"):  # some of these models compute with tensors while they are made
            self.backbone = _trunk(models.get_model(spec["name"]))
        self.trained = spec["trained"]
        self.dim = spec["dim"]
        self.grid = (spec["grid"][0], spec["grid"][1])

    def train(self, mode: bool = True) -> TorchvisionImage:
        """Batch norms that came with trained weights keep their statistics: small batches would spoil them."""
        super().train(mode)
        if self.trained:
            keep_statistics(self)
        return self

    def hidden(self, pixel_values: Tensor) -> Tensor:  # type: ignore[override]
        """Return regions (b, rows · columns, d) of pictures (b, 3, size, size), in reading order."""
        return self.backbone(pixel_values).flatten(2).transpose(1, 2)  # (b, rows · columns, d)

    def tokens(self, hidden: Tensor, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return the regions; all are real."""
        return hidden, hidden.new_ones(hidden.shape[:2], dtype=torch.bool)


def specify(request: EncoderRequest) -> EncoderSpec:
    """Return an encoder by its `name`; `start` is a file of weights, or what torchvision calls those it publishes.

    Raises ManifestError for a model that gives no feature map, CheckpointError where weights cannot be loaded.
    """
    name, size = str(request.entry.get("name", "")), request.entry.get("size", IMAGE_SIZE_PX)
    try:
        whole = models.get_model(name).eval()
        with torch.no_grad():
            feature_map = _trunk(whole)(torch.zeros(1, 3, size, size))
        _, width, rows, columns = feature_map.shape
    except (ValueError, RuntimeError, AssertionError) as error:  # unknown, no chain of parts, or no map at their end
        raise ManifestError("unknown_torchvision", name=name) from error
    if request.start:
        _fill(whole, name, request.start)
    spec = {"type": "torchvision", "name": name, "size": size, "dim": width, "grid": [rows, columns]}
    frontend = ImageFrontend(size, tuple(IMAGENET_DEFAULT_MEAN), tuple(IMAGENET_DEFAULT_STD))
    backbone = _trunk(whole) if request.start else None
    return EncoderSpec(spec | {"trained": backbone is not None}, frontend, backbone)


def _fill(whole: nn.Module, name: str, start: str) -> None:
    try:
        if Path(start).is_file():
            weights = torch.load(start, map_location="cpu", weights_only=True)
        else:
            weights = models.get_weight(f"{models.get_model_weights(name).__name__}.{start}").get_state_dict()
        whole.load_state_dict(weights)
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError) as error:
        detail = str(error).split("\n")[0].rstrip(".")
        raise CheckpointError("start_missing", modality="image", start=start, detail=detail) from error


def _trunk(model: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(takewhile(lambda part: part[0] not in _POOLING, model.named_children())))
