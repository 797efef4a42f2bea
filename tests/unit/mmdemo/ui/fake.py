"""A small stand-in for the loop: plausible answers by rule, for tests of the page alone and for looking at it.

`python -m tests.unit.mmdemo.ui.fake [PORT]` serves the page on it.
"""

import dataclasses
import hashlib
import math
import re
import sys
import threading
import time
from collections.abc import Collection, Sequence
from types import SimpleNamespace
from typing import Any

from mmdemo import tasks
from mmdemo.errors import BadInput, NotAllowed, NotKept, UnknownName
from mmdemo.review import AnswerSample, Correction, Kept, QueueItem, ReviewItem, Status
from mmdemo.samples import AudioMap, Explanation, ImageMap, Prediction, Sample, TextMap, TokenScore, to_json
from mmdemo.settings import Settings
from mmdemo.study import Alike, Asked, Contributions, Near, Study, Trust, Weighed
from mmdemo.tasks import Task
from mmdemo.ui.services import Services

VERSION = "2026-11-21"
ENGLISH: Any = SimpleNamespace(headers={"accept-language": "en"})  # what endpoints are told of who asks
CHINESE: Any = SimpleNamespace(headers={"accept-language": "zh-CN"})
BRIGHT = {"smiling": 9.0, "laughing": 9.0, "happy": 7.0, "rain": 8.0, "kite": 3.0, "boy": 2.5, "beach": 3.0}


class FakeLoop:
    """Answers "positive" to a caption that smiles, is unsure about anything else, and remembers what it was asked."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.tasks = tasks.load_all()
        self.delay_s = delay_s
        self.predicted: list[tuple[str, Sample, str, bool]] = []
        self.stored: list[tuple[Sample, Prediction, str | None, str | None]] = []
        self.suggested: list[tuple[str, Sample, str, str | None]] = []
        self.forgotten: list[str] = []
        self.refused: NotKept | None = None  # why nothing is kept
        self.weighed: list[Asked] = []
        self.sought: list[tuple[str, Sample, int, bool]] = []
        self.without_model: set[str] = set()
        self.kept: dict[str, tuple[str, ReviewItem]] = {}  # sample → view key of its sender, answer
        self.strays: dict[str, int] = {}  # task that is not loaded → samples that wait

    def predict(self, name: str, sample: Sample, explain: str, keep: bool, caller: str = "") -> Prediction:
        """Return an answer by the caption's words."""
        self.predicted.append((name, sample, explain, keep))
        time.sleep(self.delay_s)
        task = self.tasks[name]
        sure = sample.text == "" or bool(re.search("smil|laugh|happy", sample.text))
        label = task.label_names[-1]
        confidence = 0.93 if sure else 0.48
        rest = (1 - confidence) / (len(task.labels) - 1)
        modalities = tuple(m for m in task.modalities if getattr(sample, m) not in (None, ""))
        return Prediction(
            sample_id=hashlib.sha256(repr(sample).encode()).hexdigest(),
            task=name,
            kind=task.kind,
            label=label,
            probabilities={**dict.fromkeys(task.label_names, rest), label: confidence},
            confidence=confidence,
            threshold=task.threshold,
            flagged=not sure,
            reason=None if sure else "low_confidence",
            modalities=modalities,
            model_version=VERSION,
            latency_ms=31.2,
            explanation=explanation(task, sample, label),
            prediction_id=f"p-{len(self.predicted)}" if keep else None,
        )

    def audited(self, prediction: Prediction) -> bool:
        """Draw every sure answer to a caption that laughs."""
        return not prediction.flagged and "laugh" in str(to_json(prediction.explanation))

    def keep(
        self, sample: Sample, prediction: Prediction, label: str | None, prediction_id: str | None, caller: str = ""
    ) -> Prediction:
        """Remember it, where there is room."""
        if self.refused is not None:
            raise self.refused
        if label is not None:
            self.tasks[prediction.task].check_label(label)
        self.stored.append((sample, prediction, label, prediction_id))
        drawn = {"flagged": True, "reason": "audit"} if self.audited(prediction) else {}
        return dataclasses.replace(prediction, **drawn, prediction_id=prediction_id or f"k-{len(self.stored)}")

    def suggest(self, name: str, sample: Sample, label: str, prediction_id: str | None, caller: str = "") -> Kept:
        """Remember it."""
        self.suggested.append((name, sample, self.tasks[name].check_label(label), prediction_id))
        return Kept("s-1", prediction_id or f"d-{len(self.suggested)}")

    def forget(self, prediction_id: str) -> None:
        """Remember it, once."""
        if prediction_id in self.forgotten:
            raise UnknownName("unknown_prediction", prediction_id=prediction_id)
        self.forgotten.append(prediction_id)

    def study(self, name: str, sample: Sample) -> Study:
        """Return a signed map for each label, one that has no sign, and a sample in which nothing meets."""
        labels = self.tasks[name].label_names
        plain = [explanation(self.tasks[name], sample, label) for label in labels]
        signed = [dataclasses.replace(one, method="relevance", signed=True) for one in plain]
        return Study(VERSION, (*signed, *plain), None)

    def weigh(self, name: str, sample: Sample, asked: Asked) -> Weighed:
        """Return a map that is no better than random, whose sample its caption decided."""
        self.weighed.append(asked)
        shared = Contributions(asked.target, {"image": -0.05, "text": 0.65}, 0.33, 0.93, asked.against)
        return Weighed(
            VERSION, shared, Trust("no_better", 0.01, (0, 50, 100), (0.9, 0.5, 0.3), (0.9, 0.5, 0.3), 9, 7, 2)
        )

    def what_if(self, name: str, sample: Sample, units: Collection[int], without: Collection[str]) -> dict[str, float]:
        """Be less sure by a tenth for each unit that is left out."""
        *others, label = self.tasks[name].label_names
        left = max(0.0, 0.9 - 0.1 * len(units) - 0.5 * len(without))
        return {**dict.fromkeys(others, (1 - left) / len(others)), label: left}

    def alike(self, name: str, sample: Sample, k: int, reviewer: bool) -> Alike:
        """Return an example that the caption finds, and for reviewers a corrected sound; one index is outdated."""
        self.sought.append((name, sample, k, reviewer))
        label = self.tasks[name].label_names[0]
        found = [Near("example-0", "examples", label, 2.5, 0.71, "text", "image", "Rain <b>again</b>", "data:,p", "")]
        if reviewer:
            found.append(Near("s-9", "corrections", "", 1.5, 0.4, "text", "audio", "", "", "data:,s"))
        return Alike(VERSION, tuple(found[:k]), {"old": "2026-01-01"})

    def kept_answer(self, sample_id: str, keys: Sequence[str], reviewer: bool) -> ReviewItem:
        """Return what stands in `kept`, to whom it is for."""
        key, entry = self.kept.get(sample_id, ("", None))
        if entry is None or not (reviewer or key in keys):
            raise NotAllowed("answer_closed")
        return entry

    def services(self) -> Services:
        """Return the seam that the page is handed."""
        return Services(
            tasks=self.tasks,
            predict=self.predict,
            audited=self.audited,
            keep=self.keep,
            suggest=self.suggest,
            forget=self.forget,
            methods=lambda task: ("attention",),
            study=self.study,
            weigh=self.weigh,
            what_if=self.what_if,
            alike=self.alike,
            queue=_no_queue,
            left_out=lambda: self.strays,
            later=_no_queue,
            item=_no_item,
            claim=lambda asked: None,
            release=lambda session: None,
            answer=_no_answer,
            answered=lambda annotator, limit: (),
            correct=_no_correction,
            skip=lambda sample_id, annotator, browser: None,
            unsure=lambda sample_id, annotator, browser: None,
            undo=lambda annotator, browser: None,
            status=lambda task: Status(task, {}, {}, {}, (), None, None, 0, 20),
            train=lambda task: "",
            export=lambda task, form: "",
            export_queue=lambda task, form: "",
            kept_answer=self.kept_answer,
            has_model=lambda task: task not in self.without_model,
            model_card=lambda task: f"# {task}",
        )


def explanation(task: Task, sample: Sample, label: str) -> Explanation:
    """Return a hill over the picture, the bright words of the caption, and a bump in the middle of the sound."""
    words = [(m.group(), m.start(), m.end()) for m in re.finditer(r"\S+", sample.text)]
    weights = [BRIGHT.get(word.lower().strip(".,"), 0.4) for word, _, _ in words]
    cells = [[4 * math.exp(-((row - 3.6) ** 2 + (col - 3.5) ** 2) / 3) + 0.15 for col in range(7)] for row in range(7)]
    frames = [3 * math.exp(-((i - 12) ** 2) / 20) + 0.2 for i in range(24)]
    return Explanation(
        method="attention",
        target=label,
        image=ImageMap((7, 7), tuple(map(tuple, cells))) if sample.image is not None else None,
        text=TextMap(tuple(TokenScore(w, a, b, s) for (w, a, b), s in zip(words, weights, strict=True)))
        if words
        else None,
        audio=AudioMap(tuple(i * 0.1 for i in range(25)), tuple(frames)) if sample.audio is not None else None,
    )


def _no_queue(task: str, limit: int) -> Sequence[QueueItem]:
    return ()


def _no_item(sample_id: str) -> ReviewItem:
    raise BadInput("unknown_sample", sample_id=sample_id)


def _no_answer(asked: AnswerSample) -> Correction:
    raise BadInput("unknown_sample", sample_id=asked.sample_id)


def _no_correction(sample_id: str, label: str, annotator: str, note: str) -> Correction:
    raise BadInput("unknown_sample", sample_id=sample_id)


if __name__ == "__main__":
    from mmdemo.ui import page

    port = int(sys.argv[1]) if len(sys.argv) > 1 else 7860
    settings = dataclasses.replace(Settings(), server_port=port)
    services = FakeLoop(delay_s=0.8).services()
    page.launch(page.build(services, settings), services, settings)
    threading.Event().wait()
