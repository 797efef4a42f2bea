"""What is looked through: candidates, and by modality their features."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmdemo import decode
from mmdemo.values.samples import MODALITIES, Inputs

EXAMPLES, CORRECTIONS = "examples", "corrections"  # sources that are no manifest
SIDE_PX = 240  # longest side of a picture that stands for its sample


@dataclass(frozen=True)
class CandidatePreview:
    """What stands for a sample where it is listed; empty for what it lacks."""

    image: bytes = b""  # JPEG
    audio: bytes = b""  # MP3

    def urls(self) -> dict[str, str]:
        """Return both as data URLs, by modality."""
        return {
            "image": decode.data_url("image/jpeg", self.image),
            "audio": decode.data_url("audio/mpeg", self.audio),
        }


@dataclass(frozen=True)
class Candidate:
    """One sample that may be found."""

    id: str
    source: str  # EXAMPLES, CORRECTIONS, or the name of an indexed manifest
    label: str  # "" where nobody said what it is
    text: str
    content: str  # SHA-256 over its inputs: what has the same is the same sample
    shown: Callable[[], CandidatePreview]


@dataclass(frozen=True)
class CandidatePool:
    """Candidates, and by modality (n, d) float32 of unit length, a row of zeros for one that lacks it."""

    candidates: tuple[Candidate, ...]
    features: Mapping[str, np.ndarray]


def pooled(candidates: Sequence[Candidate], features: Sequence[Mapping[str, np.ndarray]]) -> CandidatePool:
    """Return candidates with the features (d,) of each by modality."""
    return CandidatePool(tuple(candidates), stacked(features))


def stacked(features: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return by modality the features (d,) of samples as (n, d) float32, a row of zeros for one that lacks it."""
    arrays = {}
    for name in MODALITIES:
        width = next((len(item[name]) for item in features if name in item), None)
        if width is not None:
            nothing = np.zeros(width, np.float32)
            arrays[name] = np.stack([np.asarray(item.get(name, nothing), np.float32) for item in features])
    return arrays


def joined(pools: Sequence[CandidatePool]) -> CandidatePool:
    """Return one pool of several, one behind the other."""
    features = {}
    for name in MODALITIES:
        width = next((pool.features[name].shape[1] for pool in pools if name in pool.features), None)
        if width is not None:
            parts = [pool.features.get(name, np.zeros((len(pool.candidates), width), np.float32)) for pool in pools]
            features[name] = np.concatenate(parts)  # (all candidates, d)
    return CandidatePool(tuple(one for pool in pools for one in pool.candidates), features)


def shown(inputs: Inputs) -> CandidatePreview:
    """Return what stands for a decoded sample."""
    image = audio = b""
    if inputs.image is not None:
        image = decode.encoded(decode.shrunk(inputs.image, SIDE_PX))
    if inputs.audio is not None:
        audio = decode.encode_speech(inputs.audio)
    return CandidatePreview(image, audio)
