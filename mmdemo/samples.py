"""The frozen values that travel: Sample in, Inputs between, Prediction and Explanation out.

Field names are those of the JSON that API and command line return; `to_json` makes it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

MODALITIES = ("image", "text", "audio")  # the order in which tokens enter the fusion
NONE_OF_THESE = "none_of_these"  # the answer that a sample is none of the task's labels; reserved: never a label


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


class Labelled(Protocol):
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
    """One answer. `probabilities` are calibrated, in the task's order, and sum to 1, unless they are `capped`.

    What "none of these" holds is spread over them evenly: a label is right as often as it says where one must be given.
    """

    sample_id: str  # SHA-256 over the decoded inputs and the task
    task: str
    kind: str  # the task's kind of answer, "classification" today
    label: str  # of the task, or NONE_OF_THESE
    probabilities: dict[str, float]  # of the task's labels
    confidence: float  # probability of `label`
    threshold: float  # below it people are asked
    flagged: bool
    reason: str | None  # low_confidence | audit | unfamiliar | disputed; not flagged: none_of_these
    modalities: tuple[str, ...]  # those that were used
    model_version: str
    latency_ms: float
    notes: tuple[str, ...] = ()  # keys under [note] of the locale: what a reader must know about this answer
    heads: dict[str, HeadAnswer] = field(default_factory=dict)
    explanation: Explanation | None = None
    prediction_id: str | None = None  # unguessable; None where nothing was kept
    none_of_these: float | None = None  # probability of that answer; None where the version does not know it
    capped: bool = False  # only a guess: `probabilities` were held under the threshold, and measure nothing

    @property
    def answers(self) -> dict[str, float]:
        """Every possible answer → its probability, NONE_OF_THESE last where the version knows it; they sum to 1."""
        if self.none_of_these is None:
            return self.probabilities
        even = self.none_of_these / len(self.probabilities)
        return {name: p - even for name, p in self.probabilities.items()} | {NONE_OF_THESE: self.none_of_these}


def to_json(value: Any) -> Any:
    """Return a dataclass as plain JSON values.

    Left out are maps of absent modalities, and what a version says of "none of these" that does not know it.
    """
    if isinstance(value, Explanation):
        maps = {name: to_json(getattr(value, name)) for name in MODALITIES if getattr(value, name) is not None}
        said = {name: getattr(value, name) for name in ("method", "target", "against", "signed")}
        return {**said, **maps}
    if isinstance(value, Prediction) and value.none_of_these is None:
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value) if f.name != NONE_OF_THESE}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: to_json(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value
