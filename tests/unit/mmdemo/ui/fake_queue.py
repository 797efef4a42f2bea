"""FakeLoop with a queue: samples that wait, answers that are remembered, moves that can be taken back.

`python -m tests.unit.mmdemo.ui.fake_queue [PORT]` serves the page on it.
"""

import dataclasses
import sys
import tempfile
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from gradio_client import Client
from PIL import Image

from mmdemo import decode
from mmdemo.answers import LabelAnswer
from mmdemo.errors import BadInput, Busy, Conflict, UnknownName
from mmdemo.settings import Settings
from mmdemo.tasks import Gate
from mmdemo.values.review import (
    SCRIPTS,
    Answered,
    AnswerSample,
    ClaimSample,
    Correction,
    QueueItem,
    ReviewItem,
    Run,
    SampleState,
    Status,
    VersionInfo,
)
from mmdemo.values.samples import FlagReason, Sample
from tests.unit.mmdemo.ui.fake import FakeLoop

NOW = "2026-11-23T17:48:22+00:00"
CAPTIONS = {  # caption → confidence, reason, suggested label
    "Rain again, and the match was called off": (0.48, "low_confidence", None),
    "First day at the new school": (0.55, "low_confidence", "negative"),
    "Queue outside the bakery": (0.97, "audit", None),
    "Grandfather asleep in his chair <b>again</b>": (0.58, "disputed", "positive"),
}


class FakeQueue(FakeLoop):
    """Four captioned pictures and a sound, most doubtful first; one annotator's moves can be undone one by one."""

    def __init__(self, folder: Path, delay_s: float = 0.0) -> None:
        super().__init__(delay_s)
        self.folder = folder
        self.tasks = {name: dataclasses.replace(task, gate=Gate(minimum=43)) for name, task in self.tasks.items()}
        self.items = {item.item.sample_id: item for item in self._samples()}
        self.corrections: list[Correction] = []
        self.moves: list[tuple[str, str, str]] = []  # annotator, sample_id, the browser's mark
        self.claims: dict[str, ClaimSample] = {}  # sample_id → who holds it
        self.trained: list[str] = []
        self.outvoted = False  # more people say something else of every sample
        self._lock = threading.Lock()

    def queue(self, task: str, limit: int) -> list[QueueItem]:
        """Return what waits, in the order in which it was made."""
        return self._in(SampleState.QUEUED, task)[:limit]

    def later(self, task: str, limit: int) -> list[QueueItem]:
        """Return what was skipped, in the order in which it was."""
        skipped = {item.sample_id: item for item in self._in(SampleState.SKIPPED, task)}
        return [skipped[name] for name in dict.fromkeys(name for _, name, _ in self.moves) if name in skipped][:limit]

    def claim(self, asked: ClaimSample) -> str | None:
        """Keep a sample that nobody else holds."""
        task = "" if asked.sample_id else asked.task
        asked_of = [item.sample_id for item in (*self.queue(task, 99), *self.later(task, 99))]
        mine = [name for name, claim in self.claims.items() if claim.session == asked.session and name in asked_of]
        wanted = [asked.sample_id] if asked.sample_id else [*mine, *asked_of]
        free = [name for name in wanted if name in asked_of and (name in mine or name not in self.claims)]
        if free:
            self.release(asked.session)
            self.claims[free[0]] = asked
        return free[0] if free else None

    def release(self, session: str) -> None:
        """Let go of what a session holds."""
        self.claims = {name: claim for name, claim in self.claims.items() if claim.session != session}

    def item(self, sample_id: str) -> ReviewItem:
        """Return one sample whatever its state."""
        if sample_id not in self.items:
            raise UnknownName("unknown_sample", sample_id=sample_id)
        entry = self.items[sample_id]
        earlier = tuple(correction for correction in self.corrections if correction.sample_id == sample_id)
        counted = tuple(dataclasses.replace(each, counts=each.label == earlier[-1].label) for each in earlier)
        return dataclasses.replace(entry, item=self._marked(entry.item), corrections=counted)

    def answer(self, asked: AnswerSample) -> Correction:
        """Remember an answer, unless somebody else was faster."""
        state = self.item(asked.sample_id).item.state
        if not asked.again and state in (SampleState.LABELLED, SampleState.UNSURE):
            raise Conflict("answered_meanwhile", sample_id=asked.sample_id, state=state)
        return self._correct(asked)

    def answered(self, annotator: str, limit: int) -> list[Answered]:
        """Return what an annotator did, newest first."""
        mine = dict.fromkeys(name for who, name, _ in reversed(self.moves) if who == annotator)
        return [self._answered(name, annotator) for name in mine][:limit]

    def correct(self, sample_id: str, label: str, annotator: str, note: str, wrong_reason: bool = False) -> Correction:
        """Remember a script's answer."""
        return self._correct(AnswerSample(sample_id, label, annotator, note, wrong_reason, browser=SCRIPTS))

    def _correct(self, asked: AnswerSample) -> Correction:
        sample_id, label, annotator = asked.sample_id, asked.label, asked.annotator
        item = self.item(sample_id).item
        self.tasks[item.task].check(label)
        if not annotator.strip():
            raise BadInput("no_annotator")
        if asked.wrong_reason and label != item.label:
            raise BadInput("wrong_reason_of_wrong_answer", label=label, guess=item.label)
        about = (sample_id, item.task, label, annotator, asked.note, NOW, item.label, "2026-11-21")
        correction = Correction(*about, wrong_reason=asked.wrong_reason, counts=not self.outvoted)
        with self._lock:
            self.corrections.append(correction)
        self._move(sample_id, SampleState.LABELLED, annotator, asked.browser)
        return correction

    def skip(self, sample_id: str, annotator: str, browser: str = SCRIPTS) -> None:
        """Take a sample out of the queue."""
        self._move(sample_id, SampleState.SKIPPED, annotator, browser)

    def unsure(self, sample_id: str, annotator: str, browser: str = SCRIPTS) -> None:
        """Take a sample out of the queue."""
        self._move(sample_id, SampleState.UNSURE, annotator, browser)

    def undo(self, annotator: str, browser: str = SCRIPTS) -> str | None:
        """Queue the last sample again that this annotator moved in this browser."""
        mine = [move for move in self.moves if (move[0], move[2]) == (annotator, browser)]
        if not mine:
            return None
        self.moves.remove(mine[-1])
        sample_id = mine[-1][1]
        self.corrections = [correction for correction in self.corrections if correction.sample_id != sample_id]
        self._set(sample_id, SampleState.QUEUED)
        return sample_id

    def status(self, task: str) -> Status:
        """Count what is there."""
        names = self.tasks[task].label_names
        states = [entry.item.state for entry in self.items.values() if entry.item.task == task]
        corrections = [correction for correction in self.corrections if correction.task == task]
        run = Run(task, "done", "waiting", ("Too few corrections.",), {}, "2026-11-21", None, NOW, NOW)
        versions = (
            VersionInfo("2026-11-21", NOW, "base", True, {"accuracy": 0.861, "macro_f1": 0.832}, "held_out", 33),
            VersionInfo("base", NOW, None, False, {"accuracy": 0.842, "macro_f1": 0.814}, "dev", 1487),
        )
        return Status(
            task=task,
            states={state: states.count(state) for state in dict.fromkeys(states)},
            by_label={name: sum(c.label == name for c in corrections) for name in names},
            by_annotator={c.annotator: sum(d.annotator == c.annotator for d in corrections) for c in corrections},
            versions=versions,
            last_sync=None,
            last_retrain=run,
            held_out=3 + len(corrections),
            held_out_needed=43,
            answered_today=23 + len(corrections),
            wrong_reason=sum(c.wrong_reason for c in corrections),
        )

    def train(self, task: str) -> str:
        """Start, or say that it is at work already."""
        if task in self.trained:
            raise Busy("night_running", lock=self.folder)
        self.trained.append(task)
        return f"Training of {task} has started."

    def export(self, task: str, form: str) -> str:
        """Return the labels that were given, a line each."""
        return "\n".join(["label", *(c.label for c in self.corrections)])

    def export_queue(self, task: str, form: str) -> str:
        """Return the ids that wait, a line each."""
        return "\n".join(["sample_id", *(item.sample_id for item in self.queue(task, 50))])

    def _move(self, sample_id: str, state: str, annotator: str, browser: str) -> None:
        before = self.item(sample_id).item.state
        if not annotator.strip():
            raise BadInput("no_annotator")
        if before == SampleState.LABELLED and state != SampleState.LABELLED:
            raise Conflict("move_not_allowed", sample_id=sample_id, state=before, move=state)
        self.moves.append((annotator, sample_id, browser))
        self.claims.pop(sample_id, None)
        self._set(sample_id, state)

    def _in(self, state: str, task: str) -> list[QueueItem]:
        items = [self._marked(entry.item) for entry in self.items.values() if entry.item.state == state]
        return [item for item in items if task in ("", item.task)]

    def _marked(self, item: QueueItem) -> QueueItem:
        claim = self.claims.get(item.sample_id)
        return dataclasses.replace(item, claimed_by=claim.annotator, claimed_until=NOW) if claim else item

    def _answered(self, sample_id: str, annotator: str) -> Answered:
        item, corrections = self.item(sample_id).item, self.item(sample_id).corrections
        label = next(
            (correction.label for correction in reversed(corrections) if correction.annotator == annotator), None
        )
        return Answered(
            item, SampleState.LABELLED if label else item.state, NOW, label, corrections[-1] if corrections else None
        )

    def _set(self, sample_id: str, state: str) -> None:
        entry = self.items[sample_id]
        self.items[sample_id] = dataclasses.replace(entry, item=dataclasses.replace(entry.item, state=state))

    def _samples(self) -> list[ReviewItem]:
        items = [
            self._sample("sentiment", Sample(_picture(self.folder, n), caption), *doubt)
            for n, (caption, doubt) in enumerate(CAPTIONS.items())
        ]
        items.insert(1, self._sample("speech_emotion", Sample(audio=_sound(self.folder)), 0.51, "unfamiliar", None))
        return items

    def _sample(self, task: str, sample: Sample, confidence: float, reason: str, suggested: str | None) -> ReviewItem:
        answer, _ = self.predict(task, decode.decode(sample, self.tasks[task]), "default", True)
        names = self.tasks[task].label_names
        rest = (1 - confidence) / (len(names) - 1)
        answer = dataclasses.replace(
            answer,
            answer=LabelAnswer(names[0], {**dict.fromkeys(names, rest), names[0]: confidence}),
            confidence=confidence,
            reason=reason,
            capped=reason == "unfamiliar",
        )
        paths: dict[str, Any] = {"image": sample.image, "audio": sample.audio}
        item = QueueItem(
            answer.sample_id,
            task,
            answer.label,
            confidence,
            reason,
            SampleState.QUEUED,
            NOW,
            suggested,
            sample.text or None,
            **paths,
            capped=answer.capped,
            checks=reason == FlagReason.AUDIT,
        )
        return ReviewItem(item, answer)


@dataclass(frozen=True)
class Served:
    """Endpoints that listen, and the loop behind them."""

    url: str
    loop: FakeQueue
    stack: ExitStack

    def client(self, **options: Any) -> Client:
        """Return a gradio_client of it."""
        client = Client(self.url, verbose=False, **options)
        self.stack.callback(client.close)
        return client


def _picture(folder: Path, number: int) -> Path:
    path = folder / f"{number}.png"
    sky = np.array([[120, 140, 160], [200, 150, 140], [150, 180, 150], [180, 160, 120]][number % 4])
    shade = np.linspace(1.0, 0.5, 480)[:, None, None]
    Image.fromarray((np.ones((480, 720, 3)) * sky * shade).astype(np.uint8)).save(path)
    return path


def _sound(folder: Path) -> Path:
    path = folder / "sound.flac"
    seconds = np.arange(32_000) / 16_000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * (200 + 150 * seconds) * seconds), 16_000)
    return path


if __name__ == "__main__":
    from mmdemo.ui import page

    port = int(sys.argv[1]) if len(sys.argv) > 1 else 7860
    with tempfile.TemporaryDirectory() as home:
        settings = dataclasses.replace(Settings(), server_port=port)
        loop = FakeQueue(Path(home), delay_s=0.05)
        page.launch(page.build(loop, settings), loop, settings)
        threading.Event().wait()
