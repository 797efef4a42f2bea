"""Families of transformers' models, a row each: what its checkpoints hold, what goes in, and how tokens come out.

Keyed by transformers' `model_type`. Letters of the shapes: b samples, n tokens, d width of the encoder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    AutoModel,
    AutoTokenizer,
    CLIPTextModel,
    CLIPVisionModel,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    SiglipTextModel,
    SiglipVisionModel,
    WhisperModel,
)
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from mmdemo.model.frontends.stride import Stride


@dataclass(frozen=True)
class Family:
    """How the models of one family are loaded."""

    tower: Any = AutoModel  # class of the part that is used, where a checkpoint may hold more
    whole: Any = None  # class that loads the checkpoint, where the tower is its encoder; None: the tower itself
    unread: tuple[str, ...] = ("pooler",)  # parts whose output nobody reads
    settings: Mapping[str, Any] = field(default_factory=dict)  # where we differ from the checkpoint's configuration
    layers: tuple[str, str] | None = None  # its list of layers, and the setting that counts them; None: none can go


@dataclass(frozen=True)
class TextFamily(Family):
    """How captions go in."""

    tokenizer: Any = AutoTokenizer
    first: int = 0  # number of the position that the first word piece takes
    full: bool = False  # trained on captions of full length whose padding it looks at, all of them in small letters


@dataclass(frozen=True)
class ImageFamily(Family):
    """How regions come out."""

    front: int | None = None  # class and distillation tokens before the patches; None: a feature map comes out
    arguments: Mapping[str, Any] = field(default_factory=dict)  # that let it see pictures of any size


@dataclass(frozen=True)
class AudioFamily(Family):
    """How sound goes in and comes out."""

    frames: Stride = Stride(1, 1)  # samples → what goes in: the wave itself, or frames of a spectrogram
    tokens: Callable[[PreTrainedConfig], Stride] = lambda config: Stride(1, 1)  # what goes in → tokens
    listen: Callable[[PreTrainedModel, Tensor, Tensor], Tensor] = lambda model, features, frames: features
    listen_short: Callable[[Any, Tensor, Tensor], Tensor] | None = None  # the same of clips that are not padded
    longest: str = ""  # setting of its feature extractor that says how many frames it hears; "": any number
    time_first: bool = False  # its spectrogram is (frames, bands)


def _wave(model: PreTrainedModel, wave: Tensor, samples: Tensor) -> Tensor:
    """Return tokens (b, n, d) of waves (b, t), zero behind the `samples` (b,) of each."""
    if model.config.feat_extract_norm == "group":  # its statistics take in all of a clip, and padding is no part of it
        alone = [model(clip[None, :length]).last_hidden_state[0] for clip, length in zip(wave, samples, strict=True)]
        return pad_sequence(alone, batch_first=True)
    there = torch.arange(wave.shape[1], device=wave.device) < samples[:, None]
    return model(wave, attention_mask=there).last_hidden_state


def _spectrogram(model: PreTrainedModel, features: Tensor, frames: Tensor) -> Tensor:
    """Return tokens (b, n, d) of log-mel spectrograms (b, bands, t), all of one length."""
    return model(features).last_hidden_state


def _whisper_short(model: Any, features: Tensor, frames: Tensor) -> Tensor:
    """Return tokens (b, n, d) of log-mel spectrograms (b, bands, t) of clips that were not padded to its 30 s.

    It is what Whisper's encoder makes of each clip alone, if its window were as long as the clip.
    """
    there = torch.arange(features.shape[2], device=features.device) < frames[:, None]  # (b, t)
    hidden = F.gelu(model.conv1(features)) * there[:, None]
    hidden = F.gelu(model.conv2(hidden)).transpose(1, 2)  # (b, n, d)
    hidden = hidden + model.embed_positions.weight[: hidden.shape[1]]
    for layer in model.layers:
        hidden = layer(hidden, there[:, None, None, ::2])
    return model.layer_norm(hidden)


def _patches(model: Any, features: Tensor, frames: Tensor) -> Tensor:
    """Return tokens (b, n, d), each the mean of the patches of all bands at one time, of (b, bands, t)."""
    hidden = model(features.transpose(1, 2)).last_hidden_state[:, 2:]  # without class and distillation token
    bands, _ = model.embeddings.get_shape(model.config)
    return hidden.unflatten(1, (bands, -1)).mean(dim=1)


def _convolutions(config: PreTrainedConfig) -> Stride:
    pairs = zip(config.conv_kernel, config.conv_stride, strict=True)
    return reduce(Stride.then, (Stride(*pair) for pair in pairs))


_LAYERS = ("encoder.layer", "num_hidden_layers")
_TEXT = TextFamily()
_BERT = TextFamily(layers=_LAYERS)
_ROBERTA = TextFamily(first=2, layers=_LAYERS)
_CLIP_TEXT = TextFamily(CLIPTextModel)
_SIGLIP_TEXT = TextFamily(SiglipTextModel, unread=("head",), tokenizer=PreTrainedTokenizerFast, full=True)

_ANY_SIZE = {"interpolate_pos_encoding": True}
_MAP = ImageFamily()
_CONVNEXT = ImageFamily(unread=("layernorm",))
_VIT = ImageFamily(front=1, arguments=_ANY_SIZE)
_DINO = ImageFamily(front=1)
_CLIP_VISION = ImageFamily(CLIPVisionModel, unread=("post_layernorm",), front=1, arguments=_ANY_SIZE)
_SIGLIP_VISION = ImageFamily(SiglipVisionModel, settings={"vision_use_head": False}, front=0, arguments=_ANY_SIZE)

# Nothing is masked or left out by chance: training has augmentations of its own.
_CALM = {"mask_time_prob": 0.0, "mask_feature_prob": 0.0, "layerdrop": 0.0}
_HUBERT = AudioFamily(settings=_CALM, tokens=_convolutions, listen=_wave)
_WAVE = AudioFamily(settings={**_CALM, "add_adapter": False}, tokens=_convolutions, listen=_wave)
_WHISPER = AudioFamily(
    WhisperEncoder,
    WhisperModel,
    frames=Stride(160, 160),
    tokens=lambda config: Stride(1, 2),
    listen=_spectrogram,
    listen_short=_whisper_short,
    layers=("layers", "encoder_layers"),
    longest="nb_max_frames",
)
_AST = AudioFamily(
    frames=Stride(400, 160),
    tokens=lambda config: Stride(config.patch_size, config.time_stride),
    listen=_patches,
    longest="max_length",
    time_first=True,
)

TEXT: dict[str, TextFamily] = {
    "albert": _TEXT,
    "bert": _BERT,
    "deberta-v2": _TEXT,
    "distilbert": _TEXT,
    "electra": _BERT,
    "modernbert": _TEXT,
    "mpnet": _ROBERTA,
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "clip": _CLIP_TEXT,
    "clip_text_model": _CLIP_TEXT,
    "siglip": _SIGLIP_TEXT,
    "siglip_text_model": _SIGLIP_TEXT,
}
IMAGE: dict[str, ImageFamily] = {
    "convnext": _CONVNEXT,
    "convnextv2": _CONVNEXT,
    "mobilenet_v2": _MAP,
    "resnet": _MAP,
    "deit": ImageFamily(front=2, arguments=_ANY_SIZE),
    "dinov2": _DINO,
    "dinov2_with_registers": _DINO,
    "vit": _VIT,
    "clip": _CLIP_VISION,
    "clip_vision_model": _CLIP_VISION,
    "siglip": _SIGLIP_VISION,
    "siglip_vision_model": _SIGLIP_VISION,
}
AUDIO: dict[str, AudioFamily] = {
    "audio-spectrogram-transformer": _AST,
    "hubert": _HUBERT,
    "wav2vec2": _WAVE,
    "wavlm": _WAVE,
    "whisper": _WHISPER,
}
FAMILIES: dict[str, Mapping[str, Family]] = {"image": IMAGE, "text": TEXT, "audio": AUDIO}
