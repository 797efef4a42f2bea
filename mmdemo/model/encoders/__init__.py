"""From a modality's tensors to its tokens: which types of encoder there are, found in ENCODERS.

A builder makes an empty encoder from what the configuration keeps; a specifier makes that from a task's TOML when a
fresh model is built, with what prepares its inputs, and the weights to start from, if any.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmdemo.errors import ManifestError
from mmdemo.model.encoders import adapter, cnn, pretrained, recurrent, start, torchvision_image
from mmdemo.model.encoders.interface import EncoderRequest, EncoderSpec, ModalityEncoder
from mmdemo.model.encoders.text import BiLstm, TextCnn
from mmdemo.model.frontends.audio import LogMelFrontend
from mmdemo.model.frontends.image import ImageFrontend
from mmdemo.model.frontends.text import MAX_TOKENS, TextFrontend

SMALL_SIZE_PX = 64  # side of the square, where the task says nothing
MELS = 64
PIECES = 8000  # most word pieces that a tokenizer is learned to know


@dataclass(frozen=True)
class Kind:
    """One type of encoder."""

    build: Callable[[Mapping[str, Any]], ModalityEncoder]
    specify: Callable[[EncoderRequest], EncoderSpec]


def build(modality: str, spec: Mapping[str, Any]) -> ModalityEncoder:
    """Return an empty encoder. Raises ManifestError for a type that the modality does not have."""
    encoder = _kind(modality, spec["type"]).build(spec)
    if "adapter" in spec:
        adapter.insert(encoder.get_submodule("backbone"), spec["adapter"])
    return encoder


def specify(request: EncoderRequest) -> EncoderSpec:
    """Return what a fresh model's encoder is made of.

    Raises ManifestError for a type or a setting that the modality does not have, or no captions to learn words from,
    CheckpointError where the start cannot be loaded.
    """
    return _kind(request.modality, request.entry["type"]).specify(request)


def _kind(modality: str, name: str) -> Kind:
    kinds = {type_: kind for (of, type_), kind in ENCODERS.items() if of == modality}
    if name not in kinds:
        raise ManifestError("unknown_encoder", type=name, modality=modality, known=", ".join(kinds))
    return kinds[name]


def _small_picture(request: EncoderRequest) -> EncoderSpec:
    size, channels = request.entry.get("size", SMALL_SIZE_PX), _channels(request, cnn.IMAGE_CHANNELS)
    return EncoderSpec({"type": request.entry["type"], "size": size, "channels": channels}, ImageFrontend(size))


def _log_mel(request: EncoderRequest, frames_per_token: int, **more: Any) -> EncoderSpec:
    mels = request.entry.get("mels", MELS)
    return EncoderSpec({"type": request.entry["type"], "mels": mels, **more}, LogMelFrontend(mels, frames_per_token))


def _log_mel_cnn(request: EncoderRequest) -> EncoderSpec:
    channels = _channels(request, cnn.AUDIO_CHANNELS, blocks=len(cnn.AUDIO_CHANNELS))
    return _log_mel(request, cnn.FRAMES_PER_TOKEN, channels=channels)


def _channels(request: EncoderRequest, default: Sequence[int], blocks: int | None = None) -> list[int]:
    """Return the widths of the blocks: so many, or any number of them."""
    channels = request.entry.get("channels", default)
    if not isinstance(channels, list | tuple) or not channels or len(channels) != (blocks or len(channels)):
        detail = f"[encoders.{request.modality}] channels must be {blocks or 'some'} numbers, not {channels}"
        raise ManifestError("task_field_wrong", path=request.task.path, detail=detail)
    return list(channels)


def _learned_words(request: EncoderRequest) -> EncoderSpec:
    if not any(caption.strip() for caption in request.captions):
        raise ManifestError("captions_needed", type=request.entry["type"])
    most, longest = request.entry.get("pieces", PIECES), request.entry.get("max_tokens", MAX_TOKENS)
    frontend = TextFrontend.learn(request.captions, most, longest)
    pieces = frontend.tokenizer.get_vocab_size()
    return EncoderSpec({"type": request.entry["type"], "pieces": pieces}, frontend)


ENCODERS: dict[tuple[str, str], Kind] = {
    ("image", "auto"): Kind(pretrained.AutoImage, start.specify),
    ("image", "torchvision"): Kind(torchvision_image.TorchvisionImage, torchvision_image.specify),
    ("image", "small_cnn"): Kind(
        lambda spec: cnn.SmallCnn(spec["size"], spec.get("channels", cnn.IMAGE_CHANNELS)), _small_picture
    ),
    ("text", "auto"): Kind(pretrained.AutoText, start.specify),
    ("text", "textcnn"): Kind(lambda spec: TextCnn(spec["pieces"]), _learned_words),
    ("text", "bilstm"): Kind(lambda spec: BiLstm(spec["pieces"]), _learned_words),
    ("audio", "auto"): Kind(pretrained.AutoAudio, start.specify),
    ("audio", "logmel_cnn"): Kind(
        lambda spec: cnn.LogMelCnn(spec["mels"], spec.get("channels", cnn.AUDIO_CHANNELS)), _log_mel_cnn
    ),
    ("audio", "bilstm"): Kind(
        lambda spec: recurrent.LogMelBiLstm(spec["mels"]),
        lambda request: _log_mel(request, recurrent.FRAMES_PER_TOKEN),
    ),
}
