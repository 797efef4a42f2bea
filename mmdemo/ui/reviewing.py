"""Where reviewers answer: one call takes an answer and returns the next sample, as HTML that the page sets in place."""

import base64
import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr
from PIL import Image, ImageOps

from mmdemo import decode
from mmdemo.errors import BadInput, Conflict, MmdemoError, NotAllowed, UnknownName
from mmdemo.locale import text
from mmdemo.review import QueueItem, ReviewItem, Status
from mmdemo.samples import Sample
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.ui import access, arguments, desk, looked, preview, questions, render
from mmdemo.ui.frame import language_of
from mmdemo.ui.services import Services
from mmdemo.ui.shelf import Shelf

ROWS = 20  # of the queue that are listed
THUMBNAIL_PX = (88, 68)  # twice what is shown
FLAGS = ("hide", "wrong_reason")  # of what the page asks: yes or no
NIGHT, DAY = "#1b2850", "#a9c4ff"  # ends of the scale on which a sound's thumbnail is drawn


@dataclass(frozen=True)
class Ask:
    """What the page asks for, checked."""

    do: str = "look"  # a name of MOVES
    sample_id: str = ""  # that it is about
    next: str = ""  # the sample to show then, if it still waits
    label: str = ""
    annotator: str = ""
    note: str = ""
    wrong_reason: bool = False  # the label is the guess, but the model looked at the wrong thing
    hide: bool = False  # show nothing of the guess
    key: str = ""  # the review key as typed

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "Ask":
        """Return what a call holds. Raises BadInput."""
        if not isinstance(given, Mapping):
            raise BadInput("wrong_type", field="ask", wanted="an object", value=given)
        readers = {name: arguments.flag if name in FLAGS else arguments.text for name in cls.__dataclass_fields__}
        checked: dict[str, Any] = {name: read(given[name], name) for name, read in readers.items() if name in given}
        return cls(**checked)


@dataclass(frozen=True)
class Done:
    """What came of it: a line for the reader, and the sample that is shown next, if it still waits."""

    line: str = ""
    next: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Reviewing:
    """The queue as its reviewers meet it. Threads may share it."""

    services: Services
    settings: Settings
    previews: Shelf = field(default_factory=Shelf)  # of what waits now
    answering: Any = field(default_factory=threading.Lock)

    def act(self, request: gr.Request, ask: dict) -> dict[str, Any]:
        """Do what is asked and return what the tab shows then."""
        asked, language = Ask.of(ask), language_of(request)
        try:
            access.admit(self.settings, request.headers, asked.key)
        except NotAllowed as error:
            return {**self.count(), "state": "closed", "sentence": error.sentence(language), "reason": error.key}
        if asked.do not in MOVES:
            raise BadInput("wrong_type", field="do", wanted=" | ".join(MOVES), value=asked.do)
        try:
            done = MOVES[asked.do](self, asked, language)
        except (BadInput, Conflict, UnknownName) as error:
            done = Done(error.sentence(language), asked.sample_id, refused=True)
        return self._shown(done, asked, language)

    def count(self) -> dict[str, Any]:
        """Return how many samples wait: all that strangers are told."""
        return {"waiting": sum(_waiting(self.services.status(name)) for name in self.services.tasks)}

    def thumbnails(self, request: gr.Request, key: str, ids: list) -> dict[str, str]:
        """Return small pictures of waiting samples as data URLs. Raises NotAllowed."""
        access.admit(self.settings, request.headers, arguments.text(key, "key"))
        listed = {item.sample_id: item for item in self.services.queue("", ROWS)}
        return {name: _thumbnail(self._preview(listed[name])) for name in ids[:ROWS] if name in listed}

    def look(self, ask: Ask, language: str) -> Done:
        """Show a sample, or the first."""
        return Done(next=ask.sample_id)

    def label(self, ask: Ask, language: str) -> Done:
        """Store an answer."""
        with self.answering:  # so that of two who answer at once the second is told
            entry = self._open(ask.sample_id)
            if entry is None:
                return Done(text("review.taken", language), ask.next, refused=True)
            made = self.services.correct(ask.sample_id, ask.label, ask.annotator, ask.note, ask.wrong_reason)
        return Done(questions.told(entry, made, self.services.tasks[entry.item.task], language), ask.next)

    def skip(self, ask: Ask, language: str) -> Done:
        """Leave it unanswered."""
        return self._pass(self.services.skip, "review.skipped", ask, language)

    def unsure(self, ask: Ask, language: str) -> Done:
        """A person can't tell either."""
        return self._pass(self.services.unsure, "review.marked_unsure", ask, language)

    def undo(self, ask: Ask, language: str) -> Done:
        """Take the annotator's last answer back."""
        sample_id = self.services.undo(ask.annotator)
        if sample_id is None:
            return Done(text("review.nothing_to_undo", language), ask.sample_id, refused=True)
        return Done(text("review.undone", language), sample_id)

    def _pass(self, move: Callable[[str, str], None], key: str, ask: Ask, language: str) -> Done:
        with self.answering:
            if self._open(ask.sample_id) is None:
                return Done(text("review.taken", language), ask.next, refused=True)
            move(ask.sample_id, ask.annotator)
        return Done(text(key, language), ask.next)

    def _open(self, sample_id: str) -> ReviewItem | None:
        """Return the sample if it still waits; its sender may have deleted it, or somebody answered."""
        try:
            entry = self.services.item(sample_id)
        except (Conflict, UnknownName):
            return None
        return entry if entry.item.state in access.WAITING else None

    def _shown(self, done: Done, ask: Ask, language: str) -> dict[str, Any]:
        items = self.services.queue("", ROWS)
        entry = next(filter(None, map(self._open, [done.next, *(item.sample_id for item in items)])), None)
        # What waits no longer may have been deleted by its sender.
        self.previews.keep({item.sample_id for item in [*items, *([entry.item] if entry else [])]})
        statuses = {name: self.services.status(name) for name in self.services.tasks}
        waiting = sum(map(_waiting, statuses.values()))
        about = entry.item.task if entry else next(iter(self.services.tasks))
        today = sum(status.answered_today for status in statuses.values())
        shown = {
            "state": "open" if entry else "empty",
            "line": done.line,
            "refused": done.refused,
            "waiting": waiting,
            "heading": text("review.waiting", language, count=waiting),
            "progress": questions.progress(today, statuses[about], self.services.tasks[about], language),
            "ids": [item.sample_id for item in items],
            "queue": self._queue(items, entry, waiting, language),
        }
        if entry is None:
            return {**shown, "sample": render.html("review_empty", language), "labels": ""}
        return {**shown, **self._question(entry, ask.hide, language)}

    def _queue(self, items: Sequence[QueueItem], entry: ReviewItem | None, waiting: int, language: str) -> str:
        current = entry.item.sample_id if entry else ""
        listed = questions.rows(items, self.services.tasks, current, language)
        more, left_out = max(0, waiting - len(items)), self.services.left_out()
        return render.html("review_queue", language, rows=listed, more=more, left_out=left_out)

    def _question(self, entry: ReviewItem, hide: bool, language: str) -> dict[str, Any]:
        asked = questions.question(entry, self.services.tasks[entry.item.task], hide, language)
        shown = self._preview(entry.item)
        explanation = None if asked.blind else entry.prediction.explanation
        map_card = ""
        if explanation is not None:
            # The script sets in picture and sound, which stand in the page already.
            bare = replace(shown, picture="", spectrogram="", sound="")
            told = looked.of(explanation, asked.caption, self.services.tasks[entry.item.task], language)
            map_card = desk.map_card(told, bare, language)
        accepted = next((choice.label for choice in asked.choices if choice.accept), "")
        return {
            "sample_id": asked.sample_id,
            "sample": render.html("review_sample", language, view=asked, shown=shown, looked=bool(map_card)),
            "labels": render.html("review_labels", language, view=asked),
            "keys": {choice.key: choice.label for choice in asked.choices if choice.key},
            "accept": accepted,
            "guess": asked.guess,
            "map": map_card,
        }

    def _preview(self, item: QueueItem) -> preview.Preview:
        return self.previews.get(item.sample_id, lambda: _made(item, self.services.tasks[item.task]))


def _waiting(status: Status) -> int:
    return sum(status.states.get(state, 0) for state in access.WAITING)


def _made(item: QueueItem, task: Task) -> preview.Preview:
    if item.image is None and item.audio is None:
        return preview.Preview()
    try:
        return preview.of(decode.decode(Sample(image=item.image, text=item.text or "", audio=item.audio), task))
    except MmdemoError:  # its file is gone, or today's limits are narrower: the rest is shown all the same
        return preview.Preview()


def _thumbnail(shown: preview.Preview) -> str:
    url = shown.picture or shown.spectrogram
    if not url:
        return ""
    picture: Image.Image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))
    if not shown.picture:
        picture = ImageOps.colorize(picture.convert("L"), NIGHT, DAY)
    return preview.jpeg_url(ImageOps.fit(picture.convert("RGB"), THUMBNAIL_PX))


MOVES: dict[str, Callable[[Reviewing, Ask, str], Done]] = {
    "look": Reviewing.look,
    "label": Reviewing.label,
    "skip": Reviewing.skip,
    "unsure": Reviewing.unsure,
    "undo": Reviewing.undo,
}
