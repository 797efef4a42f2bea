"""The endpoints for scripts, as `gradio_client.Client(url).view_api()` lists them. Tab events stand with their tabs.

Types, defaults and descriptions of the listing come from the signatures and docstrings below. Refusals are errors of
`mmdemo.errors`; `mmdemo.ui.queueing.blocks` turns them into the one sentence that the caller reads.
"""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from types import MethodType
from typing import Any

import gradio as gr
from gradio import FileData

from mmdemo import decode
from mmdemo.tasks import Task
from mmdemo.ui.callers import access, arguments, uploads
from mmdemo.ui.callers.uploads import ReadingTurns
from mmdemo.ui.queueing.fair_queue import LANES
from mmdemo.ui.services import Services
from mmdemo.values.analysis import Near
from mmdemo.values.review import SCRIPTS, Correction, SampleState, Status
from mmdemo.values.samples import Inputs, Prediction, Sample, to_json

ALIKE_MOST = 50  # samples of one answer


@dataclass(frozen=True)
class QueueRow:
    """A QueueItem as others see it: without its media."""

    sample_id: str
    task: str
    label: str  # the model's guess
    confidence: float
    reason: str
    state: str
    created_at: str
    suggested: str | None
    claimed_by: str | None  # who is answering it in the Review tab, "" before they gave a name; null: nobody is
    claimed_until: str | None  # when that ends by itself
    capped: bool


@dataclass(frozen=True)
class Moved:
    """A sample and the state in which it is now; both None where there was nothing to move."""

    sample_id: str | None
    state: str | None


@dataclass(frozen=True)
class Endpoints:
    """One method an endpoint, named as it is called."""

    services: Services
    door: access.Door
    erase: Callable[[str], None]  # takes back what is kept under a prediction_id
    discards: uploads.Discards = field(default_factory=uploads.Discards)  # uploads that were answered
    reading: ReadingTurns = field(default_factory=ReadingTurns)

    def predict(
        self,
        request: gr.Request,
        task: str,
        image: FileData | None = None,
        text: str = "",
        audio: FileData | None = None,
        explain: str = "default",
        keep: bool = False,
    ) -> Prediction:
        """Answer one sample and show where the model looked.

        image, audio: an uploaded file or nothing; text: the caption, "" for none; explain: "default", a method's
        name or "none"; keep: whether anything may be stored (a doubtful sample with its inputs, so that people can
        correct it, and as a check a small random share of the confident ones, their reason "audit"; any other confident
        one without). prediction_id is null where nothing was kept; notes say where that was for want of room. capped:
        the sample is unlike what the model learned from, so that its answer is only a guess; probabilities and
        confidence are then held under the threshold, and say in which order the labels come, not how sure the model is.
        promise: what the threshold keeps; of the answers that are not flagged at most the share "error" is wrong, with
        confidence "sure", on data of the "population"; null where the threshold promises nothing. A threshold of 1 asks
        about every answer.
        """
        with self._uploaded(image, text, audio) as sample:
            method = arguments.text(explain, "explain") or "none"
            agreed, known = arguments.flag(keep, "keep"), arguments.task(task, self.services.tasks)
            inputs, caller = self._read(sample, known, request)
            return self.services.predict(known.name, inputs, method, agreed, caller)[0]

    def suggest(
        self,
        request: gr.Request,
        task: str,
        image: FileData | None = None,
        text: str = "",
        audio: FileData | None = None,
        label: str = "",
        prediction_id: str = "",
    ) -> str:
        """Dispute an answer: keep this sample in the queue, with the label that you think is right, for a reviewer.

        prediction_id: what /predict returned with the answer, so that /forget of it takes this back too; "" for none,
        and then the sample stays until its time is over. Returns its sample_id.
        """
        with self._uploaded(image, text, audio) as sample:
            known = arguments.task(task, self.services.tasks)
            suggested = known.check(arguments.text(label, "label"))
            answered = arguments.text(prediction_id, "prediction_id") or None
            inputs, caller = self._read(sample, known, request)
            return self.services.suggest(known.name, inputs, suggested, answered, caller).sample_id

    def alike(
        self,
        request: gr.Request,
        task: str,
        image: FileData | None = None,
        text: str = "",
        audio: FileData | None = None,
        k: int = 10,
    ) -> list[Near]:
        """List the samples nearest to this one, best first: a picture finds captions, a caption finds pictures.

        They come from the task's examples, from manifests that were indexed (python -m mmdemo index) and, for
        reviewers, from corrected samples; source says from which. k: at most so many, 1 to 50. query and match: the
        modalities that met; score: by how many standard deviations their cosine stands above that of samples that have
        nothing to do with each other. image and audio of the answer are data URLs, "" for none. Nothing is stored.
        """
        with self._uploaded(image, text, audio) as sample:
            known, most = arguments.task(task, self.services.tasks), arguments.limit(k, "k", ALIKE_MOST)
            reviewer = self.door.is_reviewer(request)
            forward = self.services.forward(known.name, self._read(sample, known, request)[0])
            return list(self.services.alike(known.name, forward, most, reviewer).nearest)

    def forget(self, prediction_id: str) -> bool:
        """Take back what was sent: media and text are erased at once. True when it is done.

        Each answer that was kept has an id of its own; what was sent twice goes with the last of them.
        """
        self.erase(arguments.text(prediction_id, "prediction_id"))
        return True

    def queue(self, request: gr.Request, task: str = "", limit: int = 50) -> list[QueueRow]:
        """List what waits for a person, most doubtful first. For reviewers.

        task: a task's name, "" for all that are loaded; limit: at most so many rows. claimed_by and claimed_until: who
        is answering it in the Review tab, and until when it is kept for them; that keeps nobody from correcting it.
        """
        self._admit(request)
        name = arguments.task(task, self.services.tasks).name if arguments.text(task, "task") else ""
        items, columns = self.services.queue(name, arguments.limit(limit)), [field.name for field in fields(QueueRow)]
        return [QueueRow(**{column: getattr(item, column) for column in columns}) for item in items]

    def correct(
        self,
        request: gr.Request,
        sample_id: str,
        label: str,
        annotator: str,
        note: str = "",
        wrong_reason: bool = False,
    ) -> Correction:
        """Say what a sample is. The model learns from it at night. Returns the stored correction. For reviewers.

        What most people say counts, of equals the latest; before them what reviewers say whom the settings name as
        deciding. "counts" is false while another answer counts.

        wrong_reason: "right answer, wrong reason": the label is the model's, but it looked at the wrong thing.
        """
        self._admit(request)
        texts = {"sample_id": sample_id, "label": label, "annotator": annotator, "note": note}
        sample_id, label, annotator, note = (arguments.text(value, field) for field, value in texts.items())
        mark = arguments.flag(wrong_reason, "wrong_reason")
        return self.services.correct(sample_id, label, annotator, note, mark)

    def skip(self, request: gr.Request, sample_id: str, annotator: str) -> Moved:
        """Put a sample off: the Review tab asks about it again once nothing else waits. For reviewers."""
        self._admit(request)
        self.services.skip(arguments.text(sample_id, "sample_id"), arguments.text(annotator, "annotator"), SCRIPTS)
        return Moved(sample_id, SampleState.SKIPPED)

    def unsure(self, request: gr.Request, sample_id: str, annotator: str) -> Moved:
        """Say that a person can't tell either. For reviewers."""
        self._admit(request)
        self.services.unsure(arguments.text(sample_id, "sample_id"), arguments.text(annotator, "annotator"), SCRIPTS)
        return Moved(sample_id, SampleState.UNSURE)

    def undo(self, request: gr.Request, annotator: str) -> Moved:
        """Take back the last answer that a script gave under this name: its sample waits again. For reviewers.

        What was answered in the page is undone there, in the browser that answered.
        """
        self._admit(request)
        sample_id = self.services.undo(arguments.text(annotator, "annotator"), SCRIPTS)
        return Moved(sample_id, SampleState.QUEUED if sample_id else None)

    def train(self, request: gr.Request, task: str) -> str:
        """Start now what runs at night, as a process of its own. Returns a sentence. For reviewers."""
        self._admit(request)
        return self.services.train(arguments.task(task, self.services.tasks).name)

    def status(self, request: gr.Request, task: str) -> Status:
        """Count samples by state and corrections by label and annotator; list versions, last sync, last training.

        To others than reviewers it tells the number waiting, the versions and the last training.
        """
        known = arguments.task(task, self.services.tasks)
        status = self.services.status(known.name)
        return status if self.door.is_reviewer(request) else access.for_strangers(status)

    def _admit(self, request: gr.Request) -> None:
        self.door.admit(request)

    def _read(self, sample: Sample, task: Task, request: gr.Request) -> tuple[Inputs, str]:
        """Return a sample's arrays, and who sent it."""
        caller = self.door.callers.of_request(request)
        with self.reading.take(caller):
            return decode.decode_untrusted(sample, task), caller

    @contextmanager
    def _uploaded(self, image: Any, text: Any, audio: Any) -> Iterator[Sample]:
        picture, sound = uploads.of(image, "image"), uploads.of(audio, "audio")
        try:
            yield Sample(image=picture, text=arguments.text(text, "text"), audio=sound)
        finally:
            self.discards.add(picture, sound)


def add(endpoints: Endpoints) -> None:
    """Add every endpoint to the gr.Blocks in whose `with` this is called."""
    for function, line in LINES.items():
        method = _plain(MethodType(function, endpoints))
        gr.api(method, api_name=function.__name__, concurrency_id=line, concurrency_limit=LANES[line])


def _plain(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)  # Gradio reads the signature through it
    def answer(*arguments: Any) -> Any:
        return to_json(method(*arguments))

    return answer


# Endpoint → the line in which its calls wait, with the page's.
LINES: dict[Callable[..., Any], str] = {
    **dict.fromkeys((Endpoints.predict, Endpoints.suggest), "predict"),
    Endpoints.alike: "weigh",
    Endpoints.forget: "notes",
    **dict.fromkeys((Endpoints.queue, Endpoints.correct, Endpoints.skip), "review"),
    **dict.fromkeys((Endpoints.unsure, Endpoints.undo, Endpoints.train), "review"),
    Endpoints.status: "notes",
}
