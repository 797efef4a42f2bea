"""The frozen values that travel: Sample in, Inputs between, Prediction and Explanation out.

Field names are those of the JSON that API and command line return; `to_json` makes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mmdemo.answers import KINDS, Answer, LabelAnswer
from mmdemo.values.promise import ASKED_ALWAYS, Guarantee

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

# In a dataclass's field, what `to_json` does with it:
FLAT = {"json": "flat"}  # its entries stand among the fields around it
OMITTED = {"json": "omitted"}  # left out where it is None
SUSPENDED = "suspended"  # the note of an answer that is asked about since what is sent here no longer fits
MODALITIES = ("image", "text", "audio")  # the order in which tokens enter the fusion
Modalities = tuple[str, ...]


def subsets(modalities: Sequence[str]) -> list[Modalities]:
    """Return every subset of the modalities but the empty one, small ones first, each in the given order."""
    return [chosen for size in range(1, len(modalities) + 1) for chosen in combinations(modalities, size)]


class FlagReason(StrEnum):
    """Why people are asked about an answer; NONE_OF_THESE says why one is given that needs nobody."""

    LOW_CONFIDENCE = "low_confidence"
    UNFAMILIAR = "unfamiliar"  # unlike what the model learned from
    AUDIT = "audit"  # sure, and drawn at random; answered blind, so that it measures the model
    DISPUTED = "disputed"  # by whoever sent it
    SECOND_LOOK = "second_look"  # a night suspects the answer that people gave; answered blind, without that answer
    NONE_OF_THESE = "none_of_these"


@dataclass(frozen=True, eq=False)
class Medium:
    """A picture or a sound that is decoded already, and what is known of its file."""

    array: np.ndarray  # as Inputs holds it
    notes: tuple[str, ...] = ()  # what an answer must say of a damaged file: keys under [note] of the locale
    digest: str = ""  # SHA-256 (hex) of the file's bytes; "" where it did not come as bytes


@dataclass(frozen=True)
class Sample:
    """What somebody gives: any subset of picture, caption and sound."""

    image: Path | str | bytes | Image.Image | Medium | None = None
    text: str = ""  # "" is no caption
    audio: Path | str | bytes | tuple[np.ndarray, int] | Medium | None = None  # tuple: samples, and their rate in Hz

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that were sent, in the order of MODALITIES."""
        return tuple(name for name in MODALITIES if getattr(self, name))


class LabelledSample(Protocol):
    """A sample and what it is, such as a row of a manifest."""

    @property
    def id(self) -> str: ...
    @property
    def sample(self) -> Sample: ...
    @property
    def label(self) -> str: ...


@dataclass(frozen=True)
class Inputs:
    """A decoded sample, checked against its task's limits. Absent modalities are None."""

    image: np.ndarray | None = None  # (height, width, 3) uint8 RGB, upright
    text: str | None = None  # as given; never blank
    audio: np.ndarray | None = None  # (samples,) float32 in [-1, 1], mono, decode.SAMPLE_RATE_HZ
    notes: tuple[str, ...] = ()  # what an answer must say of damaged files: keys under [note] of the locale
    original: str = ""  # SHA-256 (hex) over its files as they were sent, and the caption; "" where no file was

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that are there, in the order of MODALITIES."""
        return tuple(name for name in MODALITIES if getattr(self, name) is not None)

    def only(self, modalities: Iterable[str]) -> Inputs:
        """Return the sample with those modalities alone, as far as it has them."""
        return Inputs(**{name: getattr(self, name) for name in modalities}, notes=self.notes)


@dataclass(frozen=True)
class Features:
    """What one version's encoders make of samples, to be compared across samples and modalities."""

    model_version: str
    by_sample: tuple[dict[str, np.ndarray], ...]  # modality that is there → (d,) float32 of unit length


@dataclass(frozen=True)
class ImageMap:
    """Scores over the whole upright picture as shown."""

    grid: tuple[int, int]  # rows, columns
    scores: tuple[tuple[float, ...], ...]  # rows × columns


@dataclass(frozen=True)
class TokenScore:
    """One word of the caption: `caption[start:end] == text`."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class TextMap:
    """Scores over the words of the caption as given, left to right in reading order."""

    tokens: tuple[TokenScore, ...]


@dataclass(frozen=True)
class AudioMap:
    """Scores along time: one between two edges."""

    edges_s: tuple[float, ...]  # seconds, len(scores) + 1
    scores: tuple[float, ...]


@dataclass(frozen=True)
class Explanation:
    """What an answer came from. Absent modalities are None."""

    method: str
    target: str  # the label that is explained
    image: ImageMap | None = None
    text: TextMap | None = None
    audio: AudioMap | None = None
    against: str | None = None  # the label that it is explained against; None: all others
    signed: bool = False  # scores below 0 speak against the target; where they are not signed, all are ≥ 0


@dataclass(frozen=True)
class HeadAnswer:
    """A further answer of a task that has several heads. `probabilities` are in the task's order and sum to 1."""

    label: str
    probabilities: dict[str, float]


@dataclass(frozen=True)
class Prediction:
    """One answer, and what is to be known about it. Of a kind's own fields JSON has `label`, its value, and others."""

    sample_id: str  # SHA-256 over the decoded inputs and the task
    task: str
    kind: str  # the task's kind of answer: a key of answers.KINDS
    answer: Answer
    confidence: float  # that the answer is right, in [0, 1]
    threshold: float  # below it people are asked
    flagged: bool
    reason: str | None  # one of FlagReason
    modalities: tuple[str, ...]  # those that were used
    model_version: str
    latency_ms: float
    notes: tuple[str, ...] = ()  # keys under [note] of the locale: what a reader must know about this answer
    heads: dict[str, HeadAnswer] = field(default_factory=dict)
    explanation: Explanation | None = None
    prediction_id: str | None = None  # unguessable; None where nothing was kept
    capped: bool = False  # only a guess: what it is sure of was held under the threshold, and measures nothing
    promise: Guarantee | None = None  # that the threshold keeps; None where the threshold is the one in the task's file

    @property
    def label(self) -> str:
        """What it says, as a correction would hold it: of every kind, by the name that JSON has for it."""
        return self.answer.value

    @property
    def sure(self) -> bool:
        """Whether it reaches the threshold. Nothing does where every answer is asked about."""
        return self.confidence >= self.threshold and self.threshold < ASKED_ALWAYS

    @property
    def labelled(self) -> LabelAnswer:
        """The answer, where it is a label."""
        assert isinstance(self.answer, LabelAnswer), f"{self.kind} answers with no label"
        return self.answer

    @property
    def probabilities(self) -> dict[str, float]:
        """Label → its probability, where the answer is a label."""
        return self.labelled.probabilities

    @property
    def none_of_these(self) -> float | None:
        """The probability of "none of these", where the answer is a label; None where the version does not know it."""
        return self.labelled.none_of_these


def to_json(value: Any) -> Any:
    """Return a dataclass as plain JSON values.

    Left out are maps of absent modalities.
    """
    if isinstance(value, Explanation):
        maps = {name: to_json(getattr(value, name)) for name in MODALITIES if getattr(value, name) is not None}
        fields = {name: getattr(value, name) for name in ("method", "target", "against", "signed")}
        return {**fields, **maps}
    if isinstance(value, Prediction):
        fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value) if f.name != "answer"}
        return {**fields, **KINDS[value.kind].to_json(value.answer)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value)
    if isinstance(value, dict):
        # A member of an enumeration is a text whose class the page's encoder does not take as a key.
        return {str(name): to_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def _fields(value: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for item in dataclasses.fields(value):
        how, part = item.metadata.get("json"), getattr(value, item.name)
        if how == "flat":
            fields |= to_json(part) or {}
        elif how != "omitted" or part is not None:
            fields[item.name] = to_json(part)
    return fields
