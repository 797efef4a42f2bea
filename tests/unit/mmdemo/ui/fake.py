"""A small stand-in for the loop: plausible answers by rule, for tests of the page alone and for looking at it.

`python -m tests.unit.mmdemo.ui.fake [PORT]` serves the page on it.
"""

import dataclasses
import math
import re
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from mmdemo import decode, tasks
from mmdemo.answers import LabelAnswer
from mmdemo.errors import BadInput, NotAllowed, NotKept, UnknownName
from mmdemo.settings import Settings
from mmdemo.values.analysis import (
    Alike,
    AttributionReport,
    Contributions,
    ExplanationSet,
    ForwardPass,
    MapRequest,
    Near,
    Trust,
    TrustVerdict,
)
from mmdemo.values.history import Lesson, MeasuredCurves, ModelHistory, TurnedAnswer
from mmdemo.values.review import (
    SCRIPTS,
    WAITING,
    Answered,
    AnswerSample,
    Backlog,
    ClaimSample,
    Correction,
    Kept,
    QueueItem,
    ReviewItem,
    SampleState,
    Status,
)
from mmdemo.values.samples import AudioMap, Explanation, ImageMap, Inputs, Prediction, TextMap, TokenScore, to_json

VERSION = "2026-11-21"
ENGLISH: Any = SimpleNamespace(headers={"accept-language": "en"})  # what endpoints are told of who asks
CHINESE: Any = SimpleNamespace(headers={"accept-language": "zh-CN"})
BRIGHT = {"smiling": 9.0, "laughing": 9.0, "happy": 7.0, "rain": 8.0, "kite": 3.0, "boy": 2.5, "beach": 3.0}


class FakeLoop:
    """Answers "positive" to a caption that smiles, is unsure about anything else, and remembers what it was asked.

    It keeps the Protocol `Services`, of which nothing waits for a reviewer here.
    """

    def __init__(self, delay_s: float = 0.0) -> None:
        self.tasks = tasks.load_all()
        self.delay_s = delay_s
        self.predicted: list[tuple[str, Inputs, str, bool]] = []
        self.forwarded: list[Inputs] = []
        self.stored: list[tuple[Inputs, Prediction, str | None, str | None]] = []
        self.suggested: list[tuple[str, Inputs, str, str | None]] = []
        self.forgotten: list[str] = []
        self.refused: NotKept | None = None  # why nothing is kept
        self.weighed: list[MapRequest] = []
        self.sought: list[tuple[str, Inputs, int, bool]] = []
        self.without_model: set[str] = set()
        self.history: dict[str, ModelHistory] = {}
        self.measured_curves: dict[tuple[str, str], MeasuredCurves] = {}
        self.turned_answers: list[TurnedAnswer] = []
        self.rolled_back: list[tuple[str, str]] = []
        self.lessons: dict[str, Lesson] = {}
        self.lessons_asked_for: list[tuple[str, str]] = []
        self.taken_back: list[tuple[tuple[str, ...], str, str]] = []
        self.pins: list[tuple[str, bool, str]] = []
        self.kept: dict[str, tuple[str, ReviewItem]] = {}  # sample → view key of its sender, answer
        self.strays: dict[str, int] = {}  # task that is not loaded → samples that wait

    def predict(
        self, task: str, inputs: Inputs, explain: str, keep: bool, caller: str = ""
    ) -> tuple[Prediction, ForwardPass]:
        """Return an answer by the caption's words."""
        self.predicted.append((task, inputs, explain, keep))
        time.sleep(self.delay_s)
        known, caption = self.tasks[task], inputs.text or ""
        sure = caption == "" or bool(re.search("smil|laugh|happy", caption))
        label = known.label_names[-1]
        confidence = 0.93 if sure else 0.48
        rest = (1 - confidence) / (len(known.labels) - 1)
        prediction = Prediction(
            sample_id=decode.sample_id(inputs, task),
            task=task,
            kind=known.kind,
            answer=LabelAnswer(label, {**dict.fromkeys(known.label_names, rest), label: confidence}),
            confidence=confidence,
            threshold=known.threshold,
            flagged=not sure,
            reason=None if sure else "low_confidence",
            modalities=inputs.modalities,
            model_version=VERSION,
            latency_ms=31.2,
            explanation=explanation(inputs, label),
            prediction_id=f"p-{len(self.predicted)}" if keep else None,
        )
        return prediction, _forward(inputs)

    def forward(self, task: str, inputs: Inputs) -> ForwardPass:
        """Remember what went through without an answer."""
        self.forwarded.append(inputs)
        return _forward(inputs)

    def audit(self, prediction: Prediction) -> float | None:
        """Draw every sure answer to a caption that laughs."""
        laughs = not prediction.flagged and "laugh" in str(to_json(prediction.explanation))
        return 0.2 if laughs else None

    def keep(
        self,
        inputs: Inputs,
        prediction: Prediction,
        label: str | None,
        prediction_id: str | None,
        caller: str = "",
        audit: float | None = None,
    ) -> Prediction:
        """Remember it, where there is room."""
        if self.refused is not None:
            raise self.refused
        if label is not None:
            self.tasks[prediction.task].check(label)
        self.stored.append((inputs, prediction, label, prediction_id))
        if audit is not None:
            prediction = dataclasses.replace(prediction, flagged=True, reason="audit")
        return dataclasses.replace(prediction, prediction_id=prediction_id or f"k-{len(self.stored)}")

    def suggest(self, task: str, inputs: Inputs, label: str, prediction_id: str | None, caller: str = "") -> Kept:
        """Remember it."""
        self.suggested.append((task, inputs, self.tasks[task].check(label), prediction_id))
        return Kept("s-1", prediction_id or f"d-{len(self.suggested)}")

    def forget(self, prediction_id: str) -> None:
        """Remember it, once."""
        if prediction_id in self.forgotten:
            raise UnknownName("unknown_prediction", prediction_id=prediction_id)
        self.forgotten.append(prediction_id)

    def study(self, task: str, forward: ForwardPass) -> ExplanationSet:
        """Return a signed map for each label, one that has no sign, and a sample in which nothing meets."""
        plain = [explanation(forward.inputs, label) for label in self.tasks[task].label_names]
        signed = [dataclasses.replace(one, method="relevance", signed=True) for one in plain]
        return ExplanationSet(VERSION, (*signed, *plain), None)

    def weigh(self, task: str, forward: ForwardPass, request: MapRequest) -> AttributionReport:
        """Return a map that is no better than random, whose sample its caption decided."""
        self.weighed.append(request)
        shared = Contributions(request.target, {"image": -0.05, "text": 0.65}, 0.33, 0.93, request.against)
        return AttributionReport(
            VERSION,
            shared,
            Trust(TrustVerdict.NO_BETTER, 0.01, (0, 50, 100), (0.9, 0.5, 0.3), (0.9, 0.5, 0.3), 9, 7, 2),
        )

    def what_if(
        self, task: str, forward: ForwardPass, units: Collection[int], modalities: Collection[str]
    ) -> dict[str, float]:
        """Be less sure by a tenth for each unit that is left out."""
        *others, label = self.tasks[task].label_names
        left = max(0.0, 0.9 - 0.1 * len(units) - 0.5 * len(modalities))
        return {**dict.fromkeys(others, (1 - left) / len(others)), label: left}

    def alike(self, task: str, forward: ForwardPass, k: int, reviewer: bool) -> Alike:
        """Return an example that the caption finds, and for reviewers a corrected sound; one index is outdated."""
        self.sought.append((task, forward.inputs, k, reviewer))
        label = self.tasks[task].label_names[0]
        nearest = [Near("example-0", "examples", label, 2.5, 0.71, "text", "image", "Rain <b>again</b>", "data:,p", "")]
        if reviewer:
            nearest.append(Near("s-9", "corrections", "", 1.5, 0.4, "text", "audio", "", "", "data:,s"))
        return Alike(VERSION, tuple(nearest[:k]), {"old": "2026-01-01"})

    def kept_answer(self, sample_id: str, keys: Sequence[str], reviewer: bool) -> ReviewItem:
        """Return what stands in `kept`, to whom it is for."""
        key, entry = self.kept.get(sample_id, ("", None))
        if entry is None or not (reviewer or key in keys):
            raise NotAllowed("answer_closed")
        return entry

    def ready(self, task: str) -> bool:
        """No model is waited for."""
        return True

    def has_model(self, task: str) -> bool:
        """Tell whether a task has a model."""
        return task not in self.without_model

    def model_card(self, task: str) -> str:
        """Return a card that names the task."""
        return f"# {task}"

    def queue(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Nothing waits."""
        return ()

    def in_turn(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Return the same."""
        return self.queue(task, limit)

    def left_out(self) -> Mapping[str, int]:
        """Return what is told to be left out."""
        return self.strays

    def later(self, task: str, limit: int) -> Sequence[QueueItem]:
        """Nothing was skipped."""
        return ()

    def item(self, sample_id: str) -> ReviewItem:
        """There is none."""
        raise BadInput("unknown_sample", sample_id=sample_id)

    def claim(self, asked: ClaimSample) -> str | None:
        """There is nothing to claim."""
        return None

    def release(self, session: str) -> None:
        """There is nothing to free."""

    def answer(self, asked: AnswerSample) -> Correction:
        """There is nothing to answer."""
        raise BadInput("unknown_sample", sample_id=asked.sample_id)

    def answered(self, annotator: str, limit: int) -> Sequence[Answered]:
        """Nobody did anything."""
        return ()

    def correct(self, sample_id: str, label: str, annotator: str, note: str, wrong_reason: bool = False) -> Correction:
        """There is nothing to correct."""
        raise BadInput("unknown_sample", sample_id=sample_id)

    def skip(self, sample_id: str, annotator: str, browser: str = SCRIPTS) -> None:
        """There is nothing to skip."""

    def unsure(self, sample_id: str, annotator: str, browser: str = SCRIPTS) -> None:
        """There is nothing to be unsure about."""

    def undo(self, annotator: str, browser: str = SCRIPTS) -> str | None:
        """There is nothing to undo."""
        return None

    def take_back(self, sample_ids: Sequence[str], annotator: str, browser: str) -> int:
        """Remember it."""
        self.taken_back.append((tuple(sample_ids), annotator, browser))
        return len(sample_ids)

    def lesson(self, task: str, annotator: str) -> Lesson:
        """Return the lesson that it was told, by default one of nothing."""
        self.lessons_asked_for.append((task, annotator))
        return self.lessons.get(task, Lesson(task, VERSION, (), 0, 0.0, ()))

    def pin(self, sample_id: str, is_golden: bool, annotator: str) -> None:
        """Remember it."""
        self.pins.append((sample_id, is_golden, annotator))

    def backlog(self) -> Backlog:
        """Return what the statuses say."""
        statuses = {name: self.status(name) for name in self.tasks}
        waiting, later = (
            {name: sum(status.states.get(state, 0) for state in states) for name, status in statuses.items()}
            for states in (WAITING, (SampleState.SKIPPED,))
        )
        return Backlog(waiting, later, sum(status.answered_today for status in statuses.values()))

    def status(self, task: str) -> Status:
        """Return a status of nothing."""
        return Status(task, {}, {}, {}, (), None, None, 0, 20)

    def models(self, task: str) -> ModelHistory:
        """Return the history that it was told, by default none."""
        return self.history.get(task, ModelHistory(task, ()))

    def curves(self, task: str, version: str) -> MeasuredCurves | None:
        """Return the curves that it was told, by default none."""
        return self.measured_curves.get((task, version))

    def turned(self, task: str, version: str, most: int) -> tuple[Sequence[TurnedAnswer], int]:
        """Return the answers that it was told."""
        return self.turned_answers[:most], max(0, len(self.turned_answers) - most)

    def roll_back(self, task: str, version: str) -> None:
        """Remember it."""
        self.rolled_back.append((task, version))

    def train(self, task: str) -> str:
        """Start nothing."""
        return ""

    def export(self, task: str, form: str) -> str:
        """Return nothing."""
        return ""

    def export_queue(self, task: str, form: str) -> str:
        """Return nothing."""
        return ""


def _forward(inputs: Inputs) -> ForwardPass:
    return ForwardPass(VERSION, inputs, None, 0)


def explanation(inputs: Inputs, label: str) -> Explanation:
    """Return a hill over the picture, the bright words of the caption, and a bump in the middle of the sound."""
    words = [(m.group(), m.start(), m.end()) for m in re.finditer(r"\S+", inputs.text or "")]
    weights = [BRIGHT.get(word.lower().strip(".,"), 0.4) for word, _, _ in words]
    cells = [[4 * math.exp(-((row - 3.6) ** 2 + (col - 3.5) ** 2) / 3) + 0.15 for col in range(7)] for row in range(7)]
    frames = [3 * math.exp(-((i - 12) ** 2) / 20) + 0.2 for i in range(24)]
    return Explanation(
        method="attention",
        target=label,
        image=ImageMap((7, 7), tuple(map(tuple, cells))) if inputs.image is not None else None,
        text=TextMap(tuple(TokenScore(w, a, b, s) for (w, a, b), s in zip(words, weights, strict=True)))
        if words
        else None,
        audio=AudioMap(tuple(i * 0.1 for i in range(25)), tuple(frames)) if inputs.audio is not None else None,
    )


if __name__ == "__main__":
    from mmdemo.ui import page

    port = int(sys.argv[1]) if len(sys.argv) > 1 else 7860
    settings = dataclasses.replace(Settings(), server_port=port)
    loop = FakeLoop(delay_s=0.8)
    page.launch(page.build(loop, settings), loop, settings)
    threading.Event().wait()
