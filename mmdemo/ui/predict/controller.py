"""Where visitors get their answers: of what was taken in under a token, in one line, shown as two cards.

Asking twice for the same token answers once, so a page that lost its connection simply asks again.
"""

import contextlib
import mimetypes
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import gradio as gr

from mmdemo import decode
from mmdemo.errors import BadInput, MmdemoError, NotKept, UnknownName
from mmdemo.guard.callers import Callers
from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.ui.callers import arguments, uploads
from mmdemo.ui.maps import map_views
from mmdemo.ui.predict import answer_view, intake
from mmdemo.ui.predict.visits import Visit, Visits
from mmdemo.ui.samples import preview
from mmdemo.ui.samples.preview import PreviewCache
from mmdemo.ui.services import Services
from mmdemo.ui.shell import render
from mmdemo.ui.shell.frame import language_of
from mmdemo.ui.widgets import KINDS
from mmdemo.values.review import view_key
from mmdemo.values.samples import MODALITIES, Inputs, Prediction, to_json

MOST_IDS = 200  # that are taken back at once: as many as a browser remembers


@dataclass(frozen=True)
class PredictController:
    """Where visitors are answered, and take back what they sent."""

    services: Services
    settings: Settings
    visits: Visits = field(default_factory=Visits)
    previews: PreviewCache = field(default_factory=PreviewCache)  # of what reviewers look at
    dates: dict[tuple[str, str], str] = field(default_factory=dict)  # task, version → the day it was trained
    storing: Any = field(default_factory=threading.Lock)

    def predict(self, token: str, request: gr.Request) -> dict[str, Any]:
        """Answer what was taken in under this token; a second time the same answer is returned."""
        visit = self.visits.get(token)
        if visit is None:
            raise BadInput("visit_gone")
        if not visit.answered:
            visit = self._answer(token, visit, self._caller(request))
        return self._response(visit, language_of(request))

    def recall(self, token: str, request: gr.Request) -> dict[str, Any]:
        """Return what there is under this token, without waiting in line."""
        visit = self.visits.get(token)
        return self._response(visit, language_of(request)) if visit else {"state": "gone"}

    def consent(self, token: str, agreed: bool | None, request: gr.Request) -> dict[str, Any]:
        """Take in whether people may see this sample: yes stores the very answer that was given. None: ask again."""
        with self.storing:  # whoever clicks twice agrees once
            visit = self._answered(token)
            if agreed is None:
                visit = self.visits.change(token, keep=None, reply=None) or visit
            elif visit.wanted:
                caller = self._caller(request)
                visit = self._store(token, visit, caller, reply=True) if agreed else self._declined(token, visit)
        return self._response(visit, language_of(request))

    def dispute(self, token: str, label: str, request: gr.Request) -> dict[str, Any]:
        """Keep the sample with the value that its visitor says is right. The visitor agreed to that by giving it.

        Raises BadInput where that is the answer itself, UnknownName.
        """
        with self.storing:
            visit, language = self._answered(token), language_of(request)
            task = self.services.tasks[visit.task]
            value = task.check(arguments.text(label, "label"))
            if visit.prediction is not None and value == visit.prediction.label:
                raise BadInput("disputed_by_itself", value=task.display(value, language))
            visit = self._store(token, visit, self._caller(request), disputed=value)
        return self._response(visit, language)

    def forget(self, token: str, prediction_ids: list[str], request: gr.Request) -> dict[str, Any]:
        """Take back what was sent under this token and under these ids, which the sender's browser alone remembers.

        A sample that was sent more than once has as many ids, and the browser knows them longer than a visit lasts.
        """
        visit = self.visits.get(token)
        ids = set(arguments.texts(prediction_ids, "prediction_ids", MOST_IDS))
        ids |= {visit.prediction_id} if visit and visit.prediction_id else set()
        for prediction_id in ids:
            self._take_back(prediction_id)
        uploads.remove_of(token)
        self.visits.take_back(token, ids)
        visit, language = self.visits.get(token), language_of(request)
        return self._response(visit, language) if visit and visit.prediction else _forgotten(language)

    def erase(self, prediction_id: str) -> None:
        """Take back what is kept, and let go of what others were shown, it may be among that. Raises UnknownName."""
        self.services.forget(prediction_id)
        self.previews.clear()
        self.visits.let_go_opened()

    def clear(self, token: str) -> bool:
        """Drop what is remembered; what is kept with the visitor's consent stays."""
        return self.visits.drop(token) is not None

    def cancel(self, token: str) -> bool:
        """Drop a visit whose answer nobody waits for; nothing is kept of it, even where it has just been answered."""
        uploads.remove_of(token)
        visit = self.visits.drop(token)
        if visit is not None:
            self._take_back(visit.prediction_id)
        return visit is not None

    def ready(self, task: str) -> bool:
        """Tell whether the task's model is loaded."""
        return self.services.ready(arguments.task(task, self.services.tasks).name)

    def example(self, task: str, number: int) -> dict[str, str]:
        """Return one of the task's examples: caption, and picture and sound as data URLs."""
        chosen = arguments.task(task, self.services.tasks).example(number)
        return {"text": chosen.text, "image": _data_url(chosen.image), "audio": _data_url(chosen.audio)}

    def _answer(self, token: str, visit: Visit, caller: str) -> Visit:
        if visit.inputs is None:  # whoever asks before it is read has it read now
            visit = intake.read(self.visits, token, arguments.task(visit.task, self.services.tasks))
        changes = self._outcome(visit, caller)
        changed = self.visits.change(token, **changes)
        if changed is None:  # cancelled while it was being answered
            self._take_back(changes.get("prediction_id"))
            raise BadInput("visit_gone")
        return changed

    def _outcome(self, visit: Visit, caller: str) -> dict[str, Any]:
        """Return what a visit knows once it is answered, or refused."""
        if visit.inputs is None:
            return {"refusal": visit.refusal}
        try:
            prediction, forward = self.services.predict(visit.task, visit.inputs, "default", False, caller)
            # Nobody sent an example, so it stands for nothing that is sent here.
            audit = self.services.audit(prediction) if visit.example is None else None
            if visit.keep and (prediction.flagged or audit is not None):  # of any other answer nothing is kept
                prediction = self._kept(visit.inputs, prediction, caller, audit)
        except MmdemoError as error:
            return intake.refusing(error)
        known = {"prediction": prediction, "prediction_id": prediction.prediction_id}
        return {**known, "forward": forward, "audit": audit}

    def _kept(self, inputs: Inputs, prediction: Prediction, caller: str, audit: float | None) -> Prediction:
        """Keep an answer; where there is no room for it, it says so."""
        try:
            return self.services.keep(inputs, prediction, None, None, caller, audit)
        except NotKept as error:
            return replace(prediction, notes=(*prediction.notes, f"not_{error.key}"))

    def _answered(self, token: str) -> Visit:
        visit = self.visits.get(token)
        if visit is None or visit.prediction is None or visit.forgotten:
            raise BadInput("visit_gone")
        return visit

    def _store(
        self, token: str, visit: Visit, caller: str, disputed: str | None = None, reply: bool | None = None
    ) -> Visit:
        """Keep the answer that was given, under the id that its visitor was told where something is kept already."""
        assert visit.prediction is not None
        inputs = intake.inputs_of(visit, arguments.task(visit.task, self.services.tasks))
        kept = self.services.keep(inputs, visit.prediction, disputed, visit.prediction_id, caller, visit.audit)
        changes = {"prediction": kept, "prediction_id": kept.prediction_id, "disputed": disputed, "reply": reply}
        changed = self.visits.change(token, **changes)
        if changed is None:  # dropped or taken back while it was being stored
            self._take_back(kept.prediction_id)
            raise BadInput("visit_gone")
        return changed

    def _declined(self, token: str, visit: Visit) -> Visit:
        changes: dict[str, Any] = {"keep": False, "reply": False}
        return self.visits.change(token, **changes) or replace(visit, **changes)

    def _take_back(self, prediction_id: str | None) -> None:
        if prediction_id is not None:
            with contextlib.suppress(UnknownName):  # its time was over, or it was taken back elsewhere: it is gone
                self.erase(prediction_id)

    def _caller(self, request: gr.Request | None) -> str:
        return Callers.of(self.settings).of_request(request)

    def _response(self, visit: Visit, language: str) -> dict[str, Any]:
        """Return a visit as the page shows it: HTML of the two cards, and what its script needs."""
        if visit.refusal is not None:
            return {"state": "refused", "sentence": _sentence(visit.refusal, language)}
        if visit.prediction is None or visit.preview is None:
            return {"state": "waiting"}
        task, prediction = self.services.tasks[visit.task], visit.prediction
        card = answer_view.view(visit, task, self._trained_on(task.name, prediction.model_version), language)
        kept_for = kept_for_sentence(self.settings, language)
        explanation = prediction.explanation
        map_view = map_views.of(explanation, visit.sample.text, task, language) if explanation else None
        sentence = map_view.sentence.striptags() if map_view else ""
        aloud = text("predict.aloud", language, answer=card.name, badge=card.badge, sentence=sentence)
        return {
            "state": "done",
            "task": visit.task,
            "answer": render.html("answer", language, view=card, kept_for=kept_for),
            "map": map_card(map_view, visit.preview, task, language) if map_view else "",
            "aloud": card.replied or " ".join(filter(None, (aloud.strip(), card.question))),
            "picture": visit.preview.picture,
            "sound": visit.preview.sound,
            "json": to_json(prediction),
            "declined": visit.reply is False,
            "prediction_id": None if visit.forgotten else visit.prediction_id,
            "view_key": view_key(visit.prediction_id) if visit.held and visit.prediction_id else None,
            "kept": visit.held,
            "caption": visit.sample.text,
            "example": visit.example,
        }

    def _trained_on(self, task: str, version: str) -> str:
        """Return the day on which a version was trained, "" where nobody knows; asked once a version."""
        if (task, version) not in self.dates:
            try:
                versions = self.services.status(task).versions
            except MmdemoError:  # an answer is shown all the same
                return ""
            self.dates[task, version] = next((v.created_at[:10] for v in versions if v.version == version), "")
        return self.dates[task, version]


def _forgotten(language: str) -> dict[str, Any]:
    """Return what is shown after a deletion instead of an answer that is no longer remembered here."""
    return {
        "state": "forgotten",
        "answer": render.html("forgotten", language),
        "map": "",
        "aloud": text("predict.forgotten", language),
        "prediction_id": None,
    }


def _sentence(refusal: MmdemoError, language: str) -> str:
    """Return the refusal's sentence; modalities, which scripts know by name, are called as the form calls them."""
    named = {}
    for name, value in refusal.values.items():
        words = str(value).split(", ")
        if set(words) <= set(MODALITIES):
            named[name] = text("common.comma", language).join(text(f"common.{word}", language) for word in words)
    return type(refusal)(refusal.key, **{**refusal.values, **named}).public_sentence(language)


def map_card(map_view: map_views.MapView, sample_preview: preview.Preview, task: Task, language: str) -> str:
    """Return the map card of a sample as it is shown."""
    what_if = KINDS[task.kind].otherwise is not None
    grids = {"picture": to_json(map_view.picture), "sound": to_json(map_view.sound)}
    at_first = {"shares": map_view.shares, "signed": map_view.signed}
    hint = _hint(map_view, language)
    return render.html(
        "map", language, view=map_view, grids=grids, preview=sample_preview, told=at_first, hint=hint, what_if=what_if
    )


def _hint(map_view: map_views.MapView, language: str) -> str:
    """Return what pointing at the map does, of what this sample has."""
    if map_view.modalities == ["audio"]:
        return text("explain.hover_sound", language)
    units = [text(f"explain.unit_{modality}", language) for modality in map_view.modalities]
    return text("explain.hover", language, what=text("explain.or", language).join(units))


def kept_for_sentence(settings: Settings, language: str) -> str:
    """Return how long samples are kept, as a sentence."""
    if settings.retention_days == 0:
        return text("predict.kept_until_deleted", language)
    return text("predict.kept_for", language, days=settings.retention_days)


def _data_url(path: Path | None) -> str:
    if path is None:
        return ""
    kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return decode.data_url(kind, path.read_bytes())
