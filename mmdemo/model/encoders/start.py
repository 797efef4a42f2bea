"""What a task's encoder starts from: a published checkpoint's weights, and its own way to prepare what goes in."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, normalizers
from transformers import AutoFeatureExtractor, AutoImageProcessor, PreTrainedModel

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.errors import CheckpointError, ManifestError
from mmdemo.model.encoders.families import AUDIO, IMAGE, TEXT
from mmdemo.model.encoders.interface import EncoderRequest, EncoderSpec
from mmdemo.model.encoders.pretrained import kept, load, see, shortened
from mmdemo.model.frontends.audio import ExtractorFrontend
from mmdemo.model.frontends.image import ImageFrontend
from mmdemo.model.frontends.stride import Stride
from mmdemo.model.frontends.text import MAX_TOKENS, TextFrontend

_HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")  # NAME or OWNER/NAME; everything else is a path


def specify(request: EncoderRequest) -> EncoderSpec:
    """Return an encoder that starts from a checkpoint of transformers: a folder, a name on the Hub or in its cache.

    Raises CheckpointError where it cannot be loaded, ManifestError where it does not fit the task.
    """
    if not request.start:
        raise ManifestError("start_needed", modality=request.modality, task=request.task.name)
    try:
        if not Path(request.start).is_dir() and not _HUB_NAME.fullmatch(request.start):
            raise FileNotFoundError("there is no such folder")
        backbone = load(request.modality, request.start)
        if "layers" in request.entry:
            backbone = shortened(backbone, request.modality, request.entry["layers"])
        return _SPECIFY[request.modality](request, backbone)
    except (OSError, ValueError, ImportError) as error:
        detail = str(error).split("\n")[0].rstrip(".")
        raise CheckpointError("start_missing", modality=request.modality, start=request.start, detail=detail) from error


def _text(request: EncoderRequest, backbone: PreTrainedModel) -> EncoderSpec:
    family, config = TEXT[backbone.config.model_type], backbone.config
    fast = family.tokenizer.from_pretrained(request.start)
    if not fast.is_fast:
        raise ValueError("its tokenizer does not say where in a caption a word piece stands")
    tokenizer = Tokenizer.from_str(fast.backend_tokenizer.to_str())
    positions = getattr(config, "max_position_embeddings", MAX_TOKENS) - family.first
    longest = positions if family.full else min(request.entry.get("max_tokens", MAX_TOKENS), positions)
    tokenizer.enable_truncation(longest)
    pad = {"pad_id": fast.pad_token_id or 0, "pad_token": fast.pad_token or "[PAD]"}
    tokenizer.enable_padding(length=longest if family.full else None, **pad)
    if family.full:
        before = [tokenizer.normalizer] if tokenizer.normalizer else []
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *before])
    return EncoderSpec({"type": "auto", "config": kept(backbone)}, TextFrontend(tokenizer), backbone)


def _image(request: EncoderRequest, backbone: PreTrainedModel) -> EncoderSpec:
    theirs = AutoImageProcessor.from_pretrained(request.start)
    frontend = _scaled(theirs, request.entry.get("size") or _side(theirs))
    with torch.no_grad():
        pixels = torch.zeros(1, 3, frontend.size, frontend.size)
        regions, grid = see(IMAGE[backbone.config.model_type], backbone, pixels)
    spec = {"type": "auto", "config": kept(backbone), "size": frontend.size}
    return EncoderSpec(spec | {"dim": regions.shape[-1], "grid": list(grid)}, frontend, backbone)


def _side(theirs: Any) -> int:
    """Return the side of the square that a model saw: what its pictures were cropped to, which ours are squashed to."""
    size = theirs.crop_size if getattr(theirs, "do_center_crop", False) else theirs.size
    return size["height"] or size["shortest_edge"]


def _scaled(theirs: Any, size: int) -> ImageFrontend:
    """Return a frontend that scales values as theirs does: value · factor, less the mean, by the deviation."""
    by = 255 * theirs.rescale_factor if theirs.do_rescale else 255
    mean, std = (theirs.image_mean, theirs.image_std) if theirs.do_normalize else ([0.0] * 3, [1.0] * 3)
    return ImageFrontend(size, tuple(m / by for m in mean), tuple(s / by for s in std), int(theirs.resample))


def _audio(request: EncoderRequest, backbone: PreTrainedModel) -> EncoderSpec:
    family = AUDIO[backbone.config.model_type]
    theirs = AutoFeatureExtractor.from_pretrained(request.start)
    if theirs.sampling_rate != SAMPLE_RATE_HZ:
        raise ValueError(f"it hears {theirs.sampling_rate} samples a second, not {SAMPLE_RATE_HZ}")
    frames, tokens = family.frames, family.tokens(backbone.config)
    pool, padded = request.entry.get("pool", 1), request.entry.get("padded", True)
    margin = round(request.entry.get("margin_s", 0.0) * SAMPLE_RATE_HZ / (frames.stride * tokens.stride))  # tokens
    if not padded and family.listen_short is None:
        raise ValueError("it cannot hear clips that are not padded")
    if margin < 0:
        raise ValueError("margin_s must be 0 or more")
    if padded and margin:
        raise ValueError("margin_s is for clips that are not padded")
    longest = frames.width + frames.stride * (getattr(theirs, family.longest) - 1) if family.longest else None
    longest = longest and longest - 2 * margin * tokens.stride * frames.stride
    if longest and request.task.limits.audio_max_s * SAMPLE_RATE_HZ > longest:
        limit = request.task.limits.audio_max_s
        raise ManifestError(
            "hears_less",
            start=request.start,
            longest=f"{longest / SAMPLE_RATE_HZ:g}",
            task=request.task.name,
            limit=f"{limit:g}",
        )
    frontend = ExtractorFrontend(
        theirs.to_dict(),
        frame_steps=(frames.width, frames.stride),
        token_steps=dataclasses.astuple(tokens.then(Stride(1, pool))),
        longest=longest,
        time_first=family.time_first,
        padded=padded,
        margin=margin * tokens.stride,
    )
    spec = {"type": "auto", "config": kept(backbone), "pool": pool, "padded": padded, "margin": margin}
    return EncoderSpec(spec, frontend, backbone)


_SPECIFY: dict[str, Callable[[EncoderRequest, PreTrainedModel], EncoderSpec]] = {
    "image": _image,
    "text": _text,
    "audio": _audio,
}
