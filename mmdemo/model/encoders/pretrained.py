"""Encoders that start from a checkpoint of transformers, of any family that has a row in families.py.

Letters of the shapes: b samples, n tokens, d width of the encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, PreTrainedModel

from mmdemo.errors import ManifestError
from mmdemo.model import transformers_output
from mmdemo.model.encoders.families import AUDIO, FAMILIES, IMAGE, TEXT, Family, ImageFamily
from mmdemo.model.encoders.interface import ModalityEncoder

# What a configuration says of where it came from, not of what to build.
_LEFT_OUT = ("_name_or_path", "architectures", "dtype", "id2label", "label2id", "transformers_version", "torch_dtype")


class AutoImage(ModalityEncoder):
    """Any picture model: regions of its last feature map, or its patch tokens."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.backbone = _empty(IMAGE, spec)
        self.family = IMAGE[spec["config"]["model_type"]]
        self.dim = spec["dim"]
        self.grid = (spec["grid"][0], spec["grid"][1])

    def train(self, mode: bool = True) -> AutoImage:
        """Batch norms of a trained backbone keep their statistics: small batches would spoil them."""
        super().train(mode)
        keep_statistics(self)
        return self

    def hidden(self, pixel_values: Tensor) -> Tensor:  # type: ignore[override]
        """Return regions (b, rows · columns, d) of pictures (b, 3, size, size), in reading order."""
        ordered = pixel_values.contiguous(memory_format=torch.channels_last)  # as convolutions like it
        return see(self.family, self.backbone, ordered)[0]

    def tokens(self, hidden: Tensor, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return the regions; all are real."""
        return hidden, hidden.new_ones(hidden.shape[:2], dtype=torch.bool)


class AutoText(ModalityEncoder):
    """Any text model: its last hidden state."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.backbone = _empty(TEXT, spec)
        self.full = TEXT[spec["config"]["model_type"]].full
        self.dim = self.backbone.config.hidden_size

    def hidden(self, input_ids: Tensor, attention_mask: Tensor, text_mask: Tensor) -> Tensor:  # type: ignore[override]
        """Return what becomes (b, n, d) of word pieces (b, n)."""
        mask = None if self.full else attention_mask
        return self.backbone(input_ids=input_ids, attention_mask=mask).last_hidden_state

    def tokens(self, hidden: Tensor, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (b, n, d) of word pieces (b, n); marks such as [CLS] are not real: nobody wrote them."""
        _, _, text_mask = arguments  # (b, n)
        return hidden[:, : text_mask.shape[1]], text_mask


class AutoAudio(ModalityEncoder):
    """Any sound model: its last hidden state as far as a clip goes, or the mean of every few tokens of it."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        super().__init__()
        self.backbone = _empty(AUDIO, spec)
        self.family = AUDIO[spec["config"]["model_type"]]
        self.pool = spec.get("pool", 1)
        self.steps = self.family.tokens(self.backbone.config)
        self.padded = spec.get("padded", True)
        self.margin = spec.get("margin", 0)  # tokens of silence on both sides of a clip, before the pooling
        self.dim = self.backbone.config.hidden_size

    def hidden(self, audio_features: Tensor, audio_frames: Tensor) -> Tensor:  # type: ignore[override]
        """Return the last hidden state (b, m, d), margins and padding included.

        `audio_features` (b, t) wave or (b, bands, t) spectrogram, of which `audio_frames` (b,) of each are sound,
        behind the margin.
        """
        listen = self.family.listen if self.padded else self.family.listen_short
        assert listen is not None, "only what can hear short clips is specified to"
        return listen(self.backbone, audio_features, audio_frames + 2 * self.margin * self.steps.stride)

    def tokens(self, hidden: Tensor, *arguments: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (b, n, d) and which of them are real (b, n) bool, up to the end of the longest clip."""
        _, audio_frames = arguments
        tokens = self.steps.count(audio_frames)  # (b,)
        hidden = hidden[:, self.margin : self.margin + tokens.max()]  # behind it, every clip has ended
        return _pooled(hidden, torch.arange(hidden.shape[1], device=hidden.device) < tokens[:, None], self.pool)


def load(modality: str, start: str) -> PreTrainedModel:
    """Return the part for `modality` of a checkpoint: a folder, or a name on the Hub.

    Raises ManifestError for a family without a row, OSError and ValueError where it cannot be loaded.
    """
    config = AutoConfig.from_pretrained(start)
    families = FAMILIES[modality]
    if config.model_type not in families:
        names = ", ".join(families)
        raise ManifestError("unknown_family", start=start, type=config.model_type, modality=modality, known=names)
    family = families[config.model_type]
    loader = family.whole or family.tower
    # Else transformers lists the other half of a checkpoint as unexpected; what is missing is asked for here.
    with transformers_output.errors_only(), transformers_output.without_bars():
        model, info = loader.from_pretrained(start, dtype=torch.float32, output_loading_info=True, **family.settings)
    missing = [name for name in info["missing_keys"] if not name.startswith(family.unread)]
    if missing:
        raise ValueError(f"weights are missing: {', '.join(sorted(missing)[:3])}")
    return _trimmed(model.get_encoder() if family.whole else model, family).eval()


def shortened(backbone: PreTrainedModel, modality: str, layers: int) -> PreTrainedModel:
    """Return the model with its first `layers` at most. Raises ValueError for less than one, or where none can go."""
    family = FAMILIES[modality][backbone.config.model_type]
    if family.layers is None:
        raise ValueError("its layers cannot be left out")
    if layers < 1:
        raise ValueError(f"layers must be 1 or more, not {layers}")
    name, setting = family.layers
    blocks: Any = backbone.get_submodule(name)
    backbone.set_submodule(name, blocks[:layers])
    setattr(backbone.config, setting, min(layers, len(blocks)))
    return backbone


def kept(backbone: PreTrainedModel) -> dict[str, Any]:
    """Return what the configuration keeps of a model, enough to build it empty."""
    return {name: value for name, value in backbone.config.to_diff_dict().items() if name not in _LEFT_OUT}


def see(family: ImageFamily, backbone: nn.Module, pixel_values: Tensor) -> tuple[Tensor, tuple[int, int]]:
    """Return regions (b, rows · columns, d) in reading order, and how many rows and columns they have."""
    hidden = backbone(pixel_values=pixel_values, **family.arguments).last_hidden_state
    if family.front is None:  # a feature map (b, d, rows, columns)
        return hidden.flatten(2).transpose(1, 2), (hidden.shape[2], hidden.shape[3])  # (b, rows · columns, d)
    config: Any = backbone.config
    patches = hidden[:, family.front + getattr(config, "num_register_tokens", 0) :]  # (b, side · side, d)
    side = pixel_values.shape[-1] // config.patch_size
    return patches, (side, side)


def _pooled(tokens: Tensor, real: Tensor, every: int) -> tuple[Tensor, Tensor]:
    """Return the means (b, ⌈n / every⌉, d) of runs of real tokens (b, n, d), and which runs have any."""
    if every == 1:
        return tokens, real
    short = -tokens.shape[1] % every
    # not unflatten, which a traced graph takes for the numbers of one batch
    runs = F.pad(tokens * real[..., None], (0, 0, 0, short)).reshape(tokens.shape[0], -1, every, tokens.shape[2])
    counts = F.pad(real, (0, short)).reshape(tokens.shape[0], -1, every).sum(dim=2)  # (b, runs)
    return runs.sum(dim=2) / counts.clamp_min(1)[..., None], counts > 0


def keep_statistics(encoder: nn.Module) -> None:
    """Put the batch norms of `encoder` in the mode of answering."""
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eval()


def _empty(families: Mapping[str, Family], spec: Mapping[str, Any]) -> PreTrainedModel:
    settings = dict(spec["config"])
    name = settings.pop("model_type")
    if name not in families:
        raise ValueError(f"models of type {name} are not known here")
    config = AutoConfig.for_model(name, **settings)
    build = getattr(families[name].tower, "from_config", None) or families[name].tower._from_config
    return _trimmed(build(config), families[name])


def _trimmed(model: Any, family: Family) -> PreTrainedModel:
    for name in family.unread:
        if getattr(model, name, None) is not None:
            setattr(model, name, nn.Identity())  # weights that nobody reads
    return model
