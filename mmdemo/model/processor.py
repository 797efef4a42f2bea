"""From decoded inputs to the tensors of a batch, the same for training and serving; saved with the checkpoint."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer

from mmdemo.errors import CheckpointError
from mmdemo.model.batch import Batch, EncoderInputs
from mmdemo.model.frontends.audio import HOP_SAMPLES, AudioFrontend, ExtractorFrontend, LogMelFrontend
from mmdemo.model.frontends.image import ImageFrontend
from mmdemo.model.frontends.text import TextFrontend
from mmdemo.values.samples import Inputs

_FILE = "processor.json"
_TOKENIZER = "tokenizer.json"

Span = tuple[int, int]  # start and end in the caption, in characters; (0, 0): no characters


@dataclass(frozen=True)
class Encoded:
    """A batch, and what is needed to find the way back from its tokens to what people gave."""

    batch: Batch  # as MultimodalModel.forward takes it
    spans: tuple[tuple[Span, ...], ...]  # for each sample, where each text position stands in its caption
    truncated: tuple[bool, ...]  # the caption is longer than what is read
    unread: tuple[bool, ...]  # the caption holds nothing that the tokenizer knows, such as emoji alone


@dataclass(frozen=True)
class MultimodalProcessor:
    """The frontends of a model's modalities."""

    image: ImageFrontend | None = None
    text: TextFrontend | None = None
    audio: AudioFrontend | None = None

    def __call__(self, batch: Sequence[Inputs]) -> Encoded:
        """Return the batch of decoded samples, each with any subset of the modalities."""
        modalities: dict[str, EncoderInputs] = {}
        spans: tuple[tuple[Span, ...], ...] = ((),) * len(batch)
        cut = unread = (False,) * len(batch)
        if self.image and any(item.image is not None for item in batch):
            blank = np.zeros((self.image.size, self.image.size, 3), np.uint8)
            pixels = self.image([blank if item.image is None else item.image for item in batch])
            modalities["image"] = EncoderInputs((pixels,), torch.tensor([item.image is not None for item in batch]))
        if self.text and any(item.text is not None for item in batch):
            pieces = self.text([item.text or "" for item in batch])
            absent = torch.tensor([item.text is None for item in batch])
            pieces.attention[absent] = 0
            pieces.words[absent] = False
            tensors = (pieces.ids, pieces.attention, pieces.words)
            modalities["text"] = EncoderInputs(tensors, pieces.words.any(dim=1))
            spans = tuple(tuple(item.offsets) for item in pieces.encodings)
            cut = tuple(bool(item.overflowing) for item in pieces.encodings)
            unread = tuple((pieces.unknown & ~absent).tolist())
        if self.audio and any(item.audio is not None for item in batch):
            silence = np.zeros(HOP_SAMPLES, np.float32)
            features, frames = self.audio([silence if item.audio is None else item.audio for item in batch])
            frames[torch.tensor([item.audio is None for item in batch])] = 0
            modalities["audio"] = EncoderInputs((features, frames), frames > 0)
        return Encoded(Batch(modalities), spans, cut, unread)

    def captions(self, batch: Sequence[Inputs]) -> Encoded:
        """Return what is known of the captions of samples that are encoded: spans of what their tokens stand for."""
        encoded = self([item.only(["text"]) for item in batch])
        captions = encoded.batch.modalities.get("text")
        if not isinstance(captions, EncoderInputs):
            return encoded
        *_, words = captions.tensors
        spans = tuple(tuple(compress(own, real)) for own, real in zip(encoded.spans, words.tolist(), strict=True))
        return replace(encoded, batch=Batch(), spans=spans)

    def squashed(self, inputs: Inputs) -> Inputs:
        """Return the sample with its picture as small as the encoder reads it: less to keep, the same to see."""
        if inputs.image is None or self.image is None:
            return inputs
        return replace(inputs, image=self.image.squash(inputs.image))

    def audio_edges(self, samples: int) -> tuple[float, ...]:
        """Return the edges in seconds of the audio tokens of a clip of that many samples; the last is its end."""
        assert self.audio is not None, "a model without sound has no tokens of it"
        return self.audio.edges(samples)

    def settings(self, modality: str) -> Any:
        """Return all that decides what a modality's frontend makes of a sample, plain JSON values; None without it."""
        frontend = getattr(self, modality)
        return frontend and (frontend.tokenizer.to_str() if modality == "text" else asdict(frontend))

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the frontends beside the weights."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        settings = {name: self.settings(name) for name in ("image", "audio") if getattr(self, name)}
        (folder / _FILE).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
        if self.text:
            self.text.tokenizer.save(str(folder / _TOKENIZER))

    @staticmethod
    def saved(folder: str | Path) -> bool:
        """Return whether `folder` holds what `save_pretrained` writes, as every version does."""
        return (Path(folder) / _FILE).is_file()

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "MultimodalProcessor":
        """Return the frontends that stand in `folder`. Raises CheckpointError."""
        path, tokenizer = Path(folder) / _FILE, Path(folder) / _TOKENIZER
        try:
            settings = json.loads(path.read_text("utf-8"))
            text = TextFrontend(Tokenizer.from_str(tokenizer.read_text("utf-8"))) if tokenizer.is_file() else None
            return cls(_image_frontend(settings.get("image")), text, _audio_frontend(settings.get("audio")))
        except (OSError, ValueError, TypeError) as error:
            raise CheckpointError("checkpoint_broken", path=path, detail=error) from error


def _image_frontend(settings: Mapping[str, Any] | None) -> ImageFrontend | None:
    if settings is None:
        return None
    scaling = {name: tuple(settings[name]) for name in ("mean", "std") if name in settings}
    return ImageFrontend(**{**settings, **scaling})


def _audio_frontend(settings: Mapping[str, Any] | None) -> AudioFrontend | None:
    if settings is None:
        return None
    return ExtractorFrontend(**settings) if "settings" in settings else LogMelFrontend(**settings)
