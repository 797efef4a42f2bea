"""From a modality's tensors to its tokens: a builder a type of encoder, found in ENCODERS.

A builder makes an encoder from the settings in the configuration alone; `specify` makes those settings from a task's
TOML when a fresh model is built. Letters of the shapes: b samples, n tokens, d width of the encoder.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model.cnn import LogMelCnn, SmallCnn

IMAGE_SIZE_PX = 224  # side of the square, where the task says nothing
SMALL_SIZE_PX = 64
MELS = 64
_LEFT_OUT = ("_name_or_path", "architectures", "dtype", "id2label", "label2id", "transformers_version", "torch_dtype")


class AutoImage(nn.Module):
    """Any picture model of transformers: regions of its last feature map, or its patch tokens."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.backbone = _backbone(spec)
        self.dim: int = spec["dim"]
        self.grid: tuple[int, int] = tuple(spec["grid"])

    def train(self, mode: bool = True) -> "AutoImage":
        """Batch norms of a trained backbone keep their statistics: small batches would spoil them."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return regions (b, rows · columns, d) of pictures (b, 3, size, size), in reading order."""
        hidden = self.backbone(pixel_values=pixel_values).last_hidden_state
        return _regions(hidden)[0]


class AutoText(nn.Module):
    """Any text model of transformers: its last hidden state."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.backbone = _backbone(spec)
        self.dim: int = self.backbone.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Return tokens (b, n, d) of word pieces (b, n)."""
        return self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state


def build(modality: str, spec: Mapping[str, Any]) -> nn.Module:
    """Return an empty encoder. Raises ManifestError for a type that the modality does not have."""
    return _of_type(modality, spec["type"])[0](spec)


def specify(
    modality: str, entry: Mapping[str, Any], start: str | None
) -> tuple[dict[str, Any], PreTrainedModel | None]:
    """Return what the configuration keeps of a task's encoder entry, and the weights to start from, if any.

    Raises ManifestError, CheckpointError where `start` cannot be loaded.
    """
    return _of_type(modality, entry["type"])[1](modality, entry, start)


def _of_type(modality: str, type_: str) -> tuple[Callable[..., nn.Module], Callable[..., Any]]:
    known = {name: pair for (of, name), pair in ENCODERS.items() if of == modality}
    if type_ not in known:
        raise ManifestError("unknown_encoder", type=type_, modality=modality, known=", ".join(known))
    return known[type_]


def _specify_auto(modality: str, entry: Mapping[str, Any], start: str | None) -> tuple[dict[str, Any], PreTrainedModel]:
    backbone = _pretrained(modality, start or entry.get("start", ""))
    if getattr(backbone, "pooler", None) is not None:
        backbone.pooler = None  # type: ignore[assignment]  # weights that nobody reads
    config = {name: value for name, value in backbone.config.to_diff_dict().items() if name not in _LEFT_OUT}
    spec: dict[str, Any] = {"type": "auto", "config": config}
    if modality == "image":
        size = entry.get("size", IMAGE_SIZE_PX)
        regions, grid = _probe(backbone, size)
        spec |= {"size": size, "dim": regions.shape[-1], "grid": list(grid)}
    return spec, backbone


def _specify_plain(defaults: dict[str, Any]) -> Callable[..., tuple[dict[str, Any], None]]:
    def specify_plain(modality: str, entry: Mapping[str, Any], start: str | None) -> tuple[dict[str, Any], None]:
        return {"type": entry["type"], **{name: entry.get(name, value) for name, value in defaults.items()}}, None

    return specify_plain


def _pretrained(modality: str, start: str) -> PreTrainedModel:
    try:
        return AutoModel.from_pretrained(start, dtype=torch.float32).eval()
    except (OSError, ValueError) as error:
        detail = str(error).split("\n")[0]
        raise CheckpointError("start_missing", modality=modality, start=start, detail=detail) from error


def _backbone(spec: Mapping[str, Any]) -> PreTrainedModel:
    settings = dict(spec["config"])
    model = AutoModel.from_config(AutoConfig.for_model(settings.pop("model_type"), **settings))
    if getattr(model, "pooler", None) is not None:
        model.pooler = None
    return model


@torch.no_grad()
def _probe(backbone: PreTrainedModel, size: int) -> tuple[Tensor, tuple[int, int]]:
    return _regions(backbone(pixel_values=torch.zeros(1, 3, size, size)).last_hidden_state)


def _regions(hidden: Tensor) -> tuple[Tensor, tuple[int, int]]:
    if hidden.dim() == 4:  # a feature map (b, d, rows, columns)
        return hidden.flatten(2).transpose(1, 2), (hidden.shape[2], hidden.shape[3])  # (b, rows · columns, d)
    side = math.isqrt(hidden.shape[1])  # patch tokens (b, n, d), class and register tokens in front
    return hidden[:, hidden.shape[1] - side * side :], (side, side)  # (b, side · side, d)


# (modality, type) → how it is built empty, how its settings are made
ENCODERS: dict[tuple[str, str], tuple[Callable[[Mapping[str, Any]], nn.Module], Callable[..., Any]]] = {
    ("image", "auto"): (AutoImage, _specify_auto),
    ("image", "small_cnn"): (lambda spec: SmallCnn(spec["size"]), _specify_plain({"size": SMALL_SIZE_PX})),
    ("text", "auto"): (AutoText, _specify_auto),
    ("audio", "logmel_cnn"): (lambda spec: LogMelCnn(spec["mels"]), _specify_plain({"mels": MELS})),
}
