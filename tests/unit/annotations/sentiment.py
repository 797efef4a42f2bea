"""Samples and answers made for tests, and a predictor that answers by rule."""

from collections.abc import Collection, Sequence
from datetime import datetime

import numpy as np
from PIL import Image

from annotations.schema import SampleRow, now
from mmdemo import decode, tasks
from mmdemo.answers import LabelAnswer
from mmdemo.errors import UnknownName
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.analysis import AttributionReport, Contributions, ExplanationSet, ForwardPass, MapRequest, Trust
from mmdemo.values.review import Reason
from mmdemo.values.samples import Explanation, Features, ImageMap, Inputs, Prediction, TextMap, TokenScore

TASK = tasks.get("sentiment")
TASKS = {TASK.name: TASK}
NEVER = "0" * 64  # an id that no sample has


def picture(seed: int) -> np.ndarray:
    """Return noise as a picture (12, 16, 3) uint8: every seed another one."""
    return np.random.default_rng(seed).integers(0, 256, (12, 16, 3), dtype=np.uint8)


def picture_of(seed: int) -> Image.Image:
    """Return the same as something that is sent."""
    return Image.fromarray(picture(seed))


def inputs(text: str | None = "quiet evening", seed: int | None = None) -> Inputs:
    """Return a decoded sample: a caption, and a picture where a seed is given."""
    return Inputs(image=None if seed is None else picture(seed), text=text)


def prediction(sample: Inputs, confidence: float = 0.4, version: str = "v1", task: Task = TASK) -> Prediction:
    """Return an answer "positive"; under the task's threshold it is flagged. Its explanation quotes the caption."""
    rest = (1 - confidence) / (len(task.labels) - 1)
    label = task.label_names[-1]
    flagged = confidence < task.threshold
    return Prediction(
        sample_id=decode.sample_id(sample, task.name),
        task=task.name,
        kind=task.kind,
        answer=LabelAnswer(label, {**dict.fromkeys(task.label_names, rest), label: confidence}),
        confidence=confidence,
        threshold=task.threshold,
        flagged=flagged,
        reason="low_confidence" if flagged else None,
        modalities=sample.modalities,
        model_version=version,
        latency_ms=1.5,
        notes=("used_text_only",),
        explanation=explanation(sample, label),
    )


def explanation(sample: Inputs, label: str) -> Explanation:
    """Return a map over what there is."""
    words = (sample.text or "").split()
    tokens, start = [], 0
    for word in words:
        start = (sample.text or "").index(word, start)
        tokens.append(TokenScore(word, start, start + len(word), 0.5))
    image = None if sample.image is None else ImageMap((1, 2), ((0.25, 0.75),))
    return Explanation("attention", label, image, TextMap(tuple(tokens)) if words else None)


def row(
    sample_id: str = NEVER, doubt: float = 0.5, at: datetime | None = None, state: str | None = "queued"
) -> SampleRow:
    """Return a row with a caption that was never stored."""
    at = at or now()
    return SampleRow(
        sample_id=sample_id,
        task=TASK.name,
        state=state,
        modalities=["text"],
        caption="x",
        predicted_value="positive",
        confidence=1 - doubt,
        model_version="v1",
        doubt=doubt,
        created_at=at,
        updated_at=at,
        agreed_at=at,
    )


class RulePredictor:
    """Sure of a caption that says "surely", unsure of any other."""

    def __init__(self, task: Task, settings: Settings) -> None:
        self.task = task
        self.version = "v1"
        self.stands_in_for: str | None = None
        self.runtime: Reason | None = None
        self.forgotten: list[float] = []  # what it was told to let go of, in seconds

    @property
    def model_version(self) -> str:
        """The version."""
        return self.version

    @property
    def methods(self) -> Sequence[str]:
        """One method."""
        return ("attention",)

    def equip(self) -> None:
        """Compute in a runtime."""
        self.runtime = Reason("status.runtime", {"engine": "quick: text f32", "gain": 2.0})

    def prepare(self, samples: Sequence[Inputs], threads: int) -> None:
        """Ask nobody: there are no encoders."""

    def answer(self, inputs: Inputs, explain: str = "none") -> tuple[Prediction, ForwardPass]:
        """Answer by the caption."""
        if explain not in ("none", "default", *self.methods):
            raise UnknownName("unknown_label", label=explain, task=self.task.name, known="attention")
        confidence = 0.9 if "surely" in (inputs.text or "") else 0.4
        return prediction(inputs, confidence, self.version, self.task), self.forward(inputs)

    def forward(self, inputs: Inputs) -> ForwardPass:
        """Make nothing of a sample."""
        return ForwardPass(self.version, inputs, None, 0)

    def study(self, forward: ForwardPass) -> ExplanationSet:
        """Return the map that comes with the answer."""
        return ExplanationSet("v1", (explanation(forward.inputs, "positive"),), None)

    def weigh(self, forward: ForwardPass, request: MapRequest) -> AttributionReport:
        """Find that the caption decided it."""
        shared = Contributions(request.target, {"text": 0.5}, nothing=0.4, whole=0.9)
        return AttributionReport("v1", shared, Trust("too_few", 0.0, (0, 100), (0.9, 0.4), (0.9, 0.4), 9, 7, 0))

    def what_if(self, forward: ForwardPass, units: Collection[int], modalities: Collection[str]) -> dict[str, float]:
        """Answer by the number of words that are left."""
        left = len((forward.inputs.text or "").split()) - len(units)
        return {"positive": 1 / (1 + left), "negative": left / (1 + left)}

    def check(self, inputs: Inputs) -> None:
        """Refuse nothing."""

    def features(self, batch: Sequence[Inputs]) -> Features:
        """Return a vector that its caption's letters, or its picture's pixels, are drawn from."""
        return Features(self.version, tuple({name: _vector(item, name) for name in item.modalities} for item in batch))

    def features_of(self, forward: ForwardPass) -> Features:
        """Return the same of one that went through."""
        return self.features([forward.inputs])

    def forget(self, unasked_s: float = 0.0) -> None:
        """Keep nothing, and note what was asked."""
        self.forgotten.append(unasked_s)


def _vector(sample: Inputs, name: str) -> np.ndarray:
    value = getattr(sample, name)
    content = value.encode() if isinstance(value, str) else np.ascontiguousarray(value).tobytes()
    counts = np.bincount(np.frombuffer(content, np.uint8), minlength=256).astype(np.float32)
    return counts / np.linalg.norm(counts)
