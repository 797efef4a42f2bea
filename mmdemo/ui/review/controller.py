"""Where reviewers answer: one call takes an answer and returns the next sample, as HTML that the page sets in place."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr
from PIL import ImageOps

from mmdemo import characters, decode
from mmdemo.errors import BadInput, Conflict, NotAllowed, UnknownName
from mmdemo.locale import text
from mmdemo.ui.callers import access, arguments
from mmdemo.ui.maps import map_views
from mmdemo.ui.predict import controller
from mmdemo.ui.review import answered_view, question_view
from mmdemo.ui.samples import preview
from mmdemo.ui.samples.preview import PreviewCache
from mmdemo.ui.services import Services
from mmdemo.ui.shell import frame, render
from mmdemo.ui.shell.frame import language_of
from mmdemo.values.review import (
    AnswerSample,
    ClaimSample,
    QueueItem,
    ReviewItem,
    SampleState,
    browser_mark,
)

ROWS = 20  # of the queue that are listed
ANSWERS = 50  # of the annotator's own that are listed
PASSED = (SampleState.LABELLED, SampleState.UNSURE)  # states in which nobody is asked any more; it can still be changed
MEANWHILE = (
    "answered_meanwhile",
    "move_not_allowed",
    "sample_forgotten",
    "unknown_sample",
)  # why an answer is too late
THUMBNAIL_PX = (88, 68)  # twice what is shown
FLAGS = ("hide", "wrong_reason", "again")  # of what the page asks: yes or no


@dataclass(frozen=True)
class Ask:
    """What the page asks for, checked."""

    session: str  # of one tab: a sample is kept for it
    browser: str  # the secret of the browser, which alone may undo what it answered
    do: str = "look"  # a name of MOVES
    list: str = "queue"  # a name of LISTS: what stands beside the sample
    again: bool = False  # the sample was opened from the annotator's answers, to change that
    sample_id: str = ""  # that it is about
    next: str = ""  # the sample to show then, if it still waits
    label: str = ""
    annotator: str = ""
    note: str = ""
    wrong_reason: bool = False  # the label is the guess, but the model looked at the wrong thing
    hide: bool = False  # show nothing of the guess
    key: str = ""  # the review key as typed
    task: str = ""  # whose samples are asked about, "" for all

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Ask":
        """Return what a call holds. Raises BadInput."""
        if not isinstance(body, Mapping):
            raise BadInput("wrong_type", field="ask", wanted="an object", value=body)
        readers = {name: arguments.flag if name in FLAGS else arguments.text for name in cls.__dataclass_fields__}
        checked: dict[str, Any] = {name: read(body[name], name) for name, read in readers.items() if name in body}
        # A page of yesterday tells no browser; its tab undoes what it answered.
        session, browser = (arguments.token(body.get(name, body.get("session"))) for name in ("session", "browser"))
        return cls(**{**checked, "session": session, "browser": browser})


@dataclass(frozen=True)
class Done:
    """What came of it: a line for the reader, and the sample that is shown next, if nobody else is at it."""

    line: str = ""
    next: str = ""
    refused: bool = False
    again: bool = False  # … also where it is answered already


@dataclass(frozen=True)
class Listed:
    """What the lists beside the sample are made of."""

    items: Sequence[QueueItem]  # the head of the queue
    current: str  # the sample that is shown, "" for none
    whole: int  # the queue's length
    annotator: str


@dataclass(frozen=True)
class Reviewing:
    """The queue as its reviewers meet it. Threads may share it."""

    services: Services
    door: access.Door
    previews: PreviewCache = field(default_factory=PreviewCache)  # of what waits now

    def act(self, request: gr.Request, ask: dict) -> dict[str, Any]:
        """Do what is asked and return what the tab shows then."""
        command, language = Ask.of(ask), language_of(request)
        try:
            self.door.admit(request, command.key)
        except NotAllowed as error:
            return {**self.count(), "state": "closed", "sentence": error.sentence(language), "reason": error.key}
        for name, known in (("do", MOVES), ("list", LISTS)):
            if getattr(command, name) not in known:
                raise BadInput("wrong_type", field=name, wanted=" | ".join(known), value=getattr(command, name))
        try:
            done = MOVES[command.do](self, command, language)
        except (BadInput, Conflict, UnknownName) as error:
            if error.key in MEANWHILE:
                done = Done(self._meanwhile(command.sample_id, language), command.next, refused=True)
            else:
                done = Done(error.sentence(language), command.sample_id, refused=True, again=command.again)
        return self._response(done, command, language)

    def leave(self, request: gr.Request, key: str, session: str) -> bool:
        """Free the sample that was kept for this browser: it goes, or looks at something else. Raises NotAllowed."""
        self.door.admit(request, arguments.text(key, "key"))
        self.services.release(arguments.token(session))
        return True

    def count(self) -> dict[str, Any]:
        """Return how many samples wait: all that strangers are told."""
        return {"waiting": sum(self.services.backlog().waiting.values())}

    def thumbnails(self, request: gr.Request, key: str, ids: list) -> dict[str, str]:
        """Return small pictures of listed samples as data URLs. Raises NotAllowed."""
        self.door.admit(request, arguments.text(key, "key"))
        listed = arguments.texts(ids, "ids", max(ROWS, ANSWERS))[:ROWS]
        entries = filter(None, map(self._entry, listed))
        return {entry.item.sample_id: _thumbnail(self._preview(entry.item)) for entry in entries}

    def look(self, ask: Ask, language: str) -> Done:
        """Show a sample, or the one that the annotator is at, or the first that nobody is at."""
        return Done(next=ask.sample_id, again=ask.again)

    def label(self, ask: Ask, language: str) -> Done:
        """Store an answer; of two who answer at once the second is told."""
        entry = self.services.item(ask.sample_id)
        task = self.services.tasks[entry.item.task]
        value, mark = task.check(ask.label), browser_mark(ask.browser)
        answer = AnswerSample(ask.sample_id, value, ask.annotator, ask.note, ask.wrong_reason, ask.again, mark)
        correction = self.services.answer(answer)
        if ask.again:
            changed = text("review.changed", language, label=task.display(correction.label, language))
            return Done(changed + question_view.not_yet(correction, language), ask.sample_id, again=True)
        line = question_view.told(entry, correction, task, language) + question_view.not_yet(correction, language)
        return Done(line, ask.next)

    def skip(self, ask: Ask, language: str) -> Done:
        """Put it off: it comes again after all others."""
        return self._pass(self.services.skip, "review.skipped", ask, language)

    def unsure(self, ask: Ask, language: str) -> Done:
        """A person can't tell either."""
        return self._pass(self.services.unsure, "review.marked_unsure", ask, language)

    def undo(self, ask: Ask, language: str) -> Done:
        """Take back what the annotator last answered in this browser."""
        sample_id = self.services.undo(ask.annotator, browser_mark(ask.browser))
        if sample_id is None:
            return Done(text("review.nothing_to_undo", language), ask.sample_id, refused=True, again=ask.again)
        entry = self._entry(sample_id)  # what another one answered too is still answered
        return Done(text("review.undone", language), sample_id, again=entry is not None and entry.item.state in PASSED)

    def _pass(self, move: Callable[[str, str, str], None], key: str, ask: Ask, language: str) -> Done:
        entry = self.services.item(ask.sample_id)
        if ask.again and entry.item.state == SampleState.LABELLED:
            return Done(text("review.answered_already", language), ask.sample_id, refused=True, again=True)
        move(ask.sample_id, ask.annotator, browser_mark(ask.browser))
        return Done(text(key, language), ask.sample_id if ask.again else ask.next, again=ask.again)

    def _entry(self, sample_id: str) -> ReviewItem | None:
        """Return a sample in whatever state; None where its sender deleted it."""
        try:
            return self.services.item(sample_id)
        except (Conflict, UnknownName):
            return None

    def _meanwhile(self, sample_id: str, language: str) -> str:
        """Return what became of a sample that an annotator wanted and does not get."""
        entry = self._entry(sample_id)
        that_count = [each for each in entry.corrections if each.counts] if entry is not None else []
        if entry is not None and entry.item.state == SampleState.LABELLED and that_count:
            counts, task = that_count[-1], self.services.tasks[entry.item.task]
            label = task.display(counts.label, language)
            return text("review.answered_meanwhile", language, annotator=counts.annotator, label=label)
        if entry is not None and entry.item.state not in PASSED and (claim := question_view.held(entry.item, language)):
            return text("review.held_now", language, held=claim)
        return text("review.taken", language)

    def _chosen(self, done: Done, ask: Ask) -> ReviewItem | None:
        """Return the sample that is shown now: kept for this browser, unless it is opened to be changed."""
        if done.again and (entry := self._entry(done.next)) is not None and entry.item.state in PASSED:
            return entry
        for wanted in dict.fromkeys((done.next, "")):
            sample_id = self.services.claim(ClaimSample(ask.annotator, ask.session, wanted, self._filter(ask)[0]))
            if sample_id and (entry := self._entry(sample_id)) is not None:
                return entry
        return None

    def _filter(self, ask: Ask) -> tuple[str, list[str]]:
        """Return the task that is asked about, "" for all, and the names of those that this means."""
        known = ask.task in self.services.tasks
        return (ask.task, [ask.task]) if known else ("", list(self.services.tasks))

    def _response(self, done: Done, ask: Ask, language: str) -> dict[str, Any]:
        task, chosen = self._filter(ask)
        entry = self._chosen(done, ask)
        current = entry.item.sample_id if entry else ""
        if ask.do == "look" and ask.sample_id not in ("", current):
            done = replace(done, line=self._meanwhile(ask.sample_id, language), refused=True)
        items = [*self.services.in_turn(task, ROWS)]
        items += self.services.later(task, ROWS - len(items)) if len(items) < ROWS else []
        # What is in no list may have been deleted by its sender.
        self.previews.keep({item.sample_id for item in [*items, *([entry.item] if entry else [])]})
        backlog, about = self.services.backlog(), entry.item.task if entry else chosen[0]
        waiting, later = (sum(counts[name] for name in chosen) for counts in (backlog.waiting, backlog.later))
        progress = self.services.status(about), self.services.tasks[about], language
        response = {
            "state": "open" if entry else "empty",
            "line": done.line,
            "refused": done.refused,
            "waiting": sum(backlog.waiting.values()),
            "heading": text(
                "review.waiting_later" if later else "review.waiting", language, count=waiting, later=later
            ),
            "progress": question_view.progress(backlog.answered_today, *progress),
            # Those that the annotator can go on with, in their order.
            "ids": [item.sample_id for item in items if item.sample_id == current or item.claimed_until is None],
            "list": ask.list,
            "queue": LISTS[ask.list](self, Listed(items, current, waiting + later, ask.annotator), language),
        }
        if entry is None:
            sample = render.html("review_empty", language, held=waiting + later > 0)
            return {**response, "again": False, "sample": sample, "labels": ""}
        again = done.again and current == done.next
        return {**response, "again": again, **self._question(entry, ask, language)}

    def queue(self, listed: Listed, language: str) -> str:
        """Return the list of what waits, and of what was skipped."""
        rows = question_view.rows(listed.items, self.services.tasks, listed.current, language)
        more, left_out = max(0, listed.whole - len(rows)), self.services.left_out()
        return render.html("review_queue", language, rows=rows, more=more, left_out=left_out)

    def answered(self, listed: Listed, language: str) -> str:
        """Return the list of what this annotator answered."""
        named = bool(characters.canonical_name(listed.annotator))
        answers = self.services.answered(listed.annotator, ANSWERS) if named else ()
        rows = answered_view.rows(answers, self.services.tasks, listed.current, language)
        return render.html("review_answered", language, rows=rows, named=named)

    def _question(self, entry: ReviewItem, ask: Ask, language: str) -> dict[str, Any]:
        task = self.services.tasks[entry.item.task]
        question = question_view.question(entry, task, ask.hide, language, ask.annotator)
        sample_preview = self._preview(entry.item)
        explanation = None if question.blind else entry.prediction.explanation
        map_card = ""
        if explanation is not None:
            # The script sets in picture and sound, which stand in the page already.
            bare = replace(sample_preview, picture="", spectrogram="", sound="")
            map_view = map_views.of(explanation, question.caption, task, language)
            map_card = controller.map_card(map_view, bare, task, language)
        return {
            "sample_id": question.sample_id,
            "sample": render.html(
                "review_sample", language, view=question, shown=sample_preview, looked=bool(map_card)
            ),
            "labels": render.html("review_labels", language, view=question),
            "keys": {choice.key: choice.label for choice in question.choices if choice.key},
            "accept": question.accept,
            "guess": question.guess,
            "title": question.title,
            "asks": question.asks,
            "map": map_card,
        }

    def _preview(self, item: QueueItem) -> preview.Preview:
        return self.previews.get(item.sample_id, lambda: preview.of_kept(item, self.services.tasks[item.task]))


def _thumbnail(sample_preview: preview.Preview) -> str:
    url = sample_preview.picture or sample_preview.spectrogram
    if not url:
        return ""
    picture = decode.picture_of(url)
    if not sample_preview.picture:
        picture = ImageOps.colorize(picture.convert("L"), frame.colour("night"), frame.colour("day"))
    return decode.picture_url(ImageOps.fit(picture.convert("RGB"), THUMBNAIL_PX))


MOVES: dict[str, Callable[[Reviewing, Ask, str], Done]] = {
    "look": Reviewing.look,
    "label": Reviewing.label,
    "skip": Reviewing.skip,
    "unsure": Reviewing.unsure,
    "undo": Reviewing.undo,
}
LISTS: dict[str, Callable[[Reviewing, Listed, str], str]] = {"queue": Reviewing.queue, "answered": Reviewing.answered}
