"""From decoded inputs to the tensors of a batch, the same for training and serving; saved with the checkpoint."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchaudio
from PIL import Image
from tokenizers import Encoding, Tokenizer
from torch import Tensor
from transformers import AutoImageProcessor, AutoTokenizer

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.errors import CheckpointError
from mmdemo.model.cnn import FRAMES_PER_TOKEN
from mmdemo.samples import MODALITIES, Inputs

MAX_TOKENS = 96  # word pieces of a caption that are read, where the task says nothing
WINDOW_SAMPLES = SAMPLE_RATE_HZ * 25 // 1000  # 25 ms
HOP_SAMPLES = SAMPLE_RATE_HZ * 10 // 1000  # 10 ms
FFT_SAMPLES = 512
LOWEST_HZ = 50.0
FLOOR = 1e-5  # power under which a mel band of a clip of unit loudness counts as silent
TOKEN_S = FRAMES_PER_TOKEN * HOP_SAMPLES / SAMPLE_RATE_HZ  # time between two audio tokens
_FILE = "processor.json"
_TOKENIZER = "tokenizer.json"

Span = tuple[int, int]  # start and end in the caption, in characters; (0, 0): no characters


@dataclass(frozen=True)
class Encoded:
    """A batch, and what is needed to find the way back from its tokens to what people gave."""

    tensors: dict[str, Tensor]  # arguments of MultimodalModel.forward; absent modalities are left out
    spans: tuple[tuple[Span, ...], ...]  # for each sample, where each text position stands in its caption
    truncated: tuple[bool, ...]  # the caption is longer than what is read
    unread: tuple[bool, ...]  # the caption holds nothing that the tokenizer knows, such as emoji alone


@dataclass(frozen=True)
class ImageFrontend:
    """Squashes a picture to a square, never crops it, and scales its values."""

    size: int  # pixels
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)

    def squash(self, image: np.ndarray) -> np.ndarray:
        """Return the picture (height, width, 3) uint8 as (size, size, 3) uint8; smoothed, so that nothing aliases."""
        if image.shape[:2] == (self.size, self.size):
            return image
        return np.asarray(Image.fromarray(image).resize((self.size, self.size), Image.Resampling.BILINEAR))

    def __call__(self, images: Sequence[np.ndarray]) -> Tensor:
        """Return (batch, 3, size, size) float32 of pictures (height, width, 3) uint8."""
        stacked = torch.from_numpy(np.stack([self.squash(image) for image in images]))  # (batch, size, size, 3)
        scaled = stacked.permute(0, 3, 1, 2).float() / 255
        return (scaled - torch.tensor(self.mean).view(3, 1, 1)) / torch.tensor(self.std).view(3, 1, 1)


@dataclass(frozen=True)
class AudioFrontend:
    """Log-mel spectrogram of a clip, whatever its loudness."""

    mels: int

    @cached_property
    def _mel(self) -> torchaudio.transforms.MelSpectrogram:
        return torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE_HZ, FFT_SAMPLES, WINDOW_SAMPLES, HOP_SAMPLES, f_min=LOWEST_HZ, n_mels=self.mels
        )

    def features(self, audio: np.ndarray) -> Tensor:
        """Return (mels, frames) float32, mean 0 and deviation 1 over the clip, of a clip (samples,) float32.

        A frame stands for 10 ms; a rest shorter than that is left out.
        """
        wave = torch.from_numpy(audio)
        wave = wave / wave.square().mean().sqrt().clamp_min(1e-8)
        frames = max(1, len(audio) // HOP_SAMPLES)
        mel = (self._mel(_at_least(wave, FFT_SAMPLES))[:, :frames] + FLOOR).log()  # (mels, frames)
        return (mel - mel.mean()) / mel.std().clamp_min(1e-3)

    def __call__(self, clips: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Return features (batch, mels, longest) float32, zero behind each clip's end, and frames (batch,) int64."""
        features = [self.features(clip) for clip in clips]
        lengths = torch.tensor([item.shape[1] for item in features])
        padded = torch.zeros(len(clips), self.mels, int(lengths.max()))
        for row, item in zip(padded, features, strict=True):
            row[:, : item.shape[1]] = item
        return padded, lengths


@dataclass(frozen=True)
class TextFrontend:
    """Word pieces of a caption, with their place in it. The tokenizer's state is set once: threads may share it."""

    tokenizer: Tokenizer  # cuts at its maximum, pads to the longest of a batch

    def __call__(self, captions: Sequence[str]) -> tuple[dict[str, Tensor], Sequence[Encoding], Tensor]:
        """Return tensors (batch, pieces), their encodings, and of which captions (batch,) nothing is known."""
        encodings = self.tokenizer.encode_batch(list(captions))
        ids = torch.tensor([item.ids for item in encodings])
        attention = torch.tensor([item.attention_mask for item in encodings])
        marks = torch.tensor([item.special_tokens_mask for item in encodings])
        words = attention.bool() & ~marks.bool()
        unread = ~(words & (ids != self._unknown)).any(dim=1)
        empty = ~words.any(dim=1)  # the tokenizer drops every sign of these: marks are all that is left
        words[empty] = attention.bool()[empty]
        return {"input_ids": ids, "attention_mask": attention, "text_mask": words}, encodings, unread

    def knows(self, word: str) -> bool:
        """Return whether a word is one piece of the tokenizer's, not several."""
        ids = self.tokenizer.encode(word, add_special_tokens=False).ids
        return len(ids) == 1 and ids[0] != self._unknown

    @cached_property
    def _unknown(self) -> int:
        name = getattr(self.tokenizer.model, "unk_token", None)
        found = None if name is None else self.tokenizer.token_to_id(name)
        return -1 if found is None else found  # a tokenizer of bytes knows everything

    @classmethod
    def build(cls, start: str, max_tokens: int) -> "TextFrontend":
        """Return the frontend of a text model; it needs a fast tokenizer, which knows its offsets."""
        fast = AutoTokenizer.from_pretrained(start)
        tokenizer = Tokenizer.from_str(fast.backend_tokenizer.to_str())
        tokenizer.enable_truncation(max_tokens)
        tokenizer.enable_padding(pad_id=fast.pad_token_id or 0, pad_token=fast.pad_token or "[PAD]")
        return cls(tokenizer)


@dataclass(frozen=True)
class MultimodalProcessor:
    """The frontends of a model's modalities."""

    image: ImageFrontend | None = None
    text: TextFrontend | None = None
    audio: AudioFrontend | None = None

    def __call__(self, batch: Sequence[Inputs]) -> Encoded:
        """Return the batch of decoded samples, each with any subset of the modalities."""
        tensors: dict[str, Tensor] = {}
        spans: tuple[tuple[Span, ...], ...] = ((),) * len(batch)
        cut = unread = (False,) * len(batch)
        if self.image and any(item.image is not None for item in batch):
            blank = np.zeros((self.image.size, self.image.size, 3), np.uint8)
            tensors["pixel_values"] = self.image([blank if item.image is None else item.image for item in batch])
            tensors["image_present"] = torch.tensor([item.image is not None for item in batch])
        if self.text and any(item.text is not None for item in batch):
            pieces, encodings, unknown = self.text([item.text or "" for item in batch])
            absent = torch.tensor([item.text is None for item in batch])
            pieces["attention_mask"][absent] = 0
            pieces["text_mask"][absent] = False
            tensors |= pieces
            spans = tuple(tuple(item.offsets) for item in encodings)
            cut = tuple(bool(item.overflowing) for item in encodings)
            unread = tuple((unknown & ~absent).tolist())
        if self.audio and any(item.audio is not None for item in batch):
            silence = np.zeros(HOP_SAMPLES, np.float32)
            features, frames = self.audio([silence if item.audio is None else item.audio for item in batch])
            frames[torch.tensor([item.audio is None for item in batch])] = 0
            tensors |= {"audio_features": features, "audio_frames": frames}
        return Encoded(tensors, spans, cut, unread)

    def audio_edges(self, samples: int) -> tuple[float, ...]:
        """Return the edges in seconds of the audio tokens of a clip of that many samples; the last is its end."""
        frames = max(1, samples // HOP_SAMPLES)
        tokens = -(-frames // FRAMES_PER_TOKEN)
        return (*(round(index * TOKEN_S, 6) for index in range(tokens)), samples / SAMPLE_RATE_HZ)

    def save_pretrained(self, folder: str | Path) -> None:
        """Write the frontends beside the weights."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        settings: dict[str, Any] = {name: asdict(item) for name in ("image", "audio") if (item := getattr(self, name))}
        (folder / _FILE).write_text(json.dumps(settings, indent=1) + "\n", "utf-8")
        if self.text:
            self.text.tokenizer.save(str(folder / _TOKENIZER))

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

    @classmethod
    def build(
        cls, specs: Mapping[str, Mapping[str, Any]], starts: Mapping[str, str], max_tokens: int = MAX_TOKENS
    ) -> "MultimodalProcessor":
        """Return the frontends of a fresh model from its encoders' settings and the weights it starts from."""
        image, text, audio = (specs.get(name) for name in MODALITIES)
        return cls(
            image=_image_frontend(None if image is None else {"size": image["size"], **_scaling(starts.get("image"))}),
            text=None if text is None else TextFrontend.build(starts["text"], max_tokens),
            audio=_audio_frontend(None if audio is None else {"mels": audio["mels"]}),
        )


def _image_frontend(settings: Mapping[str, Any] | None) -> ImageFrontend | None:
    if settings is None:
        return None
    scaling = {name: tuple(settings[name]) for name in ("mean", "std") if name in settings}
    return ImageFrontend(size=settings["size"], **scaling)


def _audio_frontend(settings: Mapping[str, Any] | None) -> AudioFrontend | None:
    return None if settings is None else AudioFrontend(**settings)


def _scaling(start: str | None) -> dict[str, Any]:
    if start is None:
        return {}
    scaling = AutoImageProcessor.from_pretrained(start)
    return {"mean": tuple(scaling.image_mean), "std": tuple(scaling.image_std)}


def _at_least(wave: Tensor, samples: int) -> Tensor:
    return torch.nn.functional.pad(wave, (0, max(0, samples - wave.shape[0])))
