"""Encoders that start from any picture or text model of transformers.

Letters of the shapes: b samples, n tokens, d width of the encoder.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoTokenizer, PreTrainedModel

from mmdemo.errors import CheckpointError
from mmdemo.model.image_frontend import ImageFrontend
from mmdemo.model.modality import ModalityEncoder, Specified, Wanted
from mmdemo.model.text_frontend import MAX_TOKENS, TextFrontend

IMAGE_SIZE_PX = 224  # side of the square, where the task says nothing
_LEFT_OUT = ("_name_or_path", "architectures", "dtype", "id2label", "label2id", "transformers_version", "torch_dtype")


class AutoImage(ModalityEncoder):
    """Any picture model: regions of its last feature map, or its patch tokens."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.backbone = _empty(spec)
        self.dim = spec["dim"]
        self.grid = (spec["grid"][0], spec["grid"][1])

    def train(self, mode: bool = True) -> "AutoImage":
        """Batch norms of a trained backbone keep their statistics: small batches would spoil them."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return regions (b, rows · columns, d) of pictures (b, 3, size, size), in reading order; all are real."""
        regions, _ = _regions(self.backbone(pixel_values=pixel_values).last_hidden_state)
        return regions, regions.new_ones(regions.shape[:2], dtype=torch.bool)


class AutoText(ModalityEncoder):
    """Any text model: its last hidden state."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.backbone = _empty(spec)
        self.dim = self.backbone.config.hidden_size

    def forward(self, input_ids: Tensor, attention_mask: Tensor, text_mask: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """Return tokens (b, n, d) of word pieces (b, n); marks such as [CLS] are not real: nobody wrote them."""
        return self.backbone(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state, text_mask


def specify(wanted: Wanted) -> Specified:
    """Return the encoder that starts from a model of transformers. Raises CheckpointError where it cannot be loaded."""
    try:
        backbone = _without_pooler(AutoModel.from_pretrained(wanted.start, dtype=torch.float32).eval())
        spec = {"type": "auto", "config": _kept(backbone)}
        return (
            _specify_text(wanted, backbone, spec)
            if wanted.modality == "text"
            else _specify_image(wanted, backbone, spec)
        )
    except (OSError, ValueError) as error:
        detail = str(error).split("\n")[0]
        raise CheckpointError("start_missing", modality=wanted.modality, start=wanted.start, detail=detail) from error


def _specify_text(wanted: Wanted, backbone: PreTrainedModel, spec: dict[str, Any]) -> Specified:
    fast = AutoTokenizer.from_pretrained(wanted.start)  # it knows its offsets
    tokenizer = Tokenizer.from_str(fast.backend_tokenizer.to_str())
    tokenizer.enable_truncation(wanted.entry.get("max_tokens", MAX_TOKENS))
    tokenizer.enable_padding(pad_id=fast.pad_token_id or 0, pad_token=fast.pad_token or "[PAD]")
    return Specified(spec, TextFrontend(tokenizer), backbone)


def _specify_image(wanted: Wanted, backbone: PreTrainedModel, spec: dict[str, Any]) -> Specified:
    size = wanted.entry.get("size", IMAGE_SIZE_PX)
    with torch.no_grad():
        regions, grid = _regions(backbone(pixel_values=torch.zeros(1, 3, size, size)).last_hidden_state)
    scaling = AutoImageProcessor.from_pretrained(wanted.start)
    frontend = ImageFrontend(size, tuple(scaling.image_mean), tuple(scaling.image_std))
    return Specified(spec | {"size": size, "dim": regions.shape[-1], "grid": list(grid)}, frontend, backbone)


def _kept(backbone: PreTrainedModel) -> dict[str, Any]:
    return {name: value for name, value in backbone.config.to_diff_dict().items() if name not in _LEFT_OUT}


def _empty(spec: Mapping[str, Any]) -> PreTrainedModel:
    settings = dict(spec["config"])
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    return _without_pooler(AutoModel.from_config(config))


def _without_pooler(model: PreTrainedModel) -> PreTrainedModel:
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # type: ignore[assignment]  # weights that nobody reads
    return model


def _regions(hidden: Tensor) -> tuple[Tensor, tuple[int, int]]:
    if hidden.dim() == 4:  # a feature map (b, d, rows, columns)
        return hidden.flatten(2).transpose(1, 2), (hidden.shape[2], hidden.shape[3])  # (b, rows · columns, d)
    side = math.isqrt(hidden.shape[1])  # patch tokens (b, n, d), class and register tokens in front
    return hidden[:, hidden.shape[1] - side * side :], (side, side)  # (b, side · side, d)
