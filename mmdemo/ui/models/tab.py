"""The Models tab: its frame, and the endpoints that `static/models/models.js` calls."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mmdemo.locale import text
from mmdemo.ui.callers import access, arguments
from mmdemo.ui.models import models_view
from mmdemo.ui.queueing import turns
from mmdemo.ui.services import Services
from mmdemo.ui.shell import board, frame, render
from mmdemo.ui.shell.frame import language_of

MOST = 12  # answers that turned, each way


def build(services: Services, door: access.Door) -> None:
    """Put the tab and its endpoints here."""
    versions = VersionBoard(services, door)
    board.part("models", services.tasks)
    frame.endpoints("models", versions.show, versions.serve)
    frame.endpoints("models", versions.turned, turn=turns.READING)


@dataclass(frozen=True)
class VersionBoard:
    """The versions of a task: their figures for everybody, samples and going back for reviewers."""

    services: Services
    door: access.Door

    def show(self, request: gr.Request, task: str, key: str) -> dict[str, Any]:
        """Return the versions as HTML. "" asks for the first task. Raises UnknownName."""
        name, language = board.task_of(task, self.services.tasks).name, language_of(request)
        reviewer = self.door.is_reviewer(request, arguments.text(key, "key"))
        history, status = self.services.models(name), self.services.status(name)
        view = models_view.view(history, reviewer, self.door.has_key, language, status)
        return {"task": name, "line": "", "html": render.html("models_cards", language, view=view, task=name)}

    def turned(self, request: gr.Request, task: str, version: str, key: str) -> dict[str, str]:
        """Return the answers that turned with a version, as HTML. Raises NotAllowed, UnknownName."""
        self.door.admit(request, arguments.text(key, "key"))
        known, language = board.task_of(task, self.services.tasks), language_of(request)
        answers, left_out = self.services.turned(known.name, arguments.text(version, "version"), MOST)
        groups = {
            heading: list(models_view.cards([one for one in answers if one.is_right == is_right], known, language))
            for heading, is_right in (("models.turned_right", True), ("models.turned_wrong", False))
        }
        shown = {text(heading, language, count=len(cards)): cards for heading, cards in groups.items() if cards}
        return {"html": render.html("models_turned", language, groups=shown, left_out=left_out)}

    def serve(self, request: gr.Request, task: str, version: str, key: str) -> dict[str, Any]:
        """Put a version into service, and return the versions. Raises NotAllowed, UnknownName, Conflict."""
        self.door.admit(request, arguments.text(key, "key"))
        version = arguments.text(version, "version")
        self.services.roll_back(board.task_of(task, self.services.tasks).name, version)
        line = text("models.serves_now", language_of(request), version=version)
        return {**self.show(request, task, key), "line": line}
