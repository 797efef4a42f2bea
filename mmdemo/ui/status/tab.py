"""The Status tab: its frame, and the endpoints that `static/status/status.js` calls."""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from mmdemo.errors import BadInput
from mmdemo.ui.callers import access, arguments
from mmdemo.ui.services import Services
from mmdemo.ui.shell import board, frame, render
from mmdemo.ui.shell.frame import language_of
from mmdemo.ui.status import status_view


def build(services: Services, door: access.Door) -> None:
    """Put the tab and its endpoints here."""
    status = StatusBoard(services, door)
    board.part("status", services.tasks)
    frame.endpoints("status", status.show, status.train, status.export)


@dataclass(frozen=True)
class StatusBoard:
    """How a task stands, told to visitors and, in full, to reviewers."""

    services: Services
    door: access.Door

    def show(self, request: gr.Request, task: str, key: str) -> dict[str, Any]:
        """Return the cards as HTML, and whether a training is at work. "" asks for the first task."""
        known, language = board.task_of(task, self.services.tasks), language_of(request)
        status = self.services.status(known.name)
        reviewer = self.door.is_reviewer(request, arguments.text(key, "key"))
        if not reviewer:
            status = access.for_strangers(status)
        view = replace(status_view.view(status, known, reviewer, language), has_key=self.door.has_key)
        return {"task": known.name, "running": view.running, "html": render.html("status_cards", language, view=view)}

    def train(self, request: gr.Request, task: str, key: str) -> dict[str, Any]:
        """Start the night, and return the cards. Raises NotAllowed, Busy, StorageError."""
        self.door.admit(request, arguments.text(key, "key"))
        self.services.train(board.task_of(task, self.services.tasks).name)
        return self.show(request, task, key)

    def export(self, request: gr.Request, task: str, what: str, form: str, key: str) -> dict[str, str]:
        """Return the answers, or the queue, as the text of a file. Raises NotAllowed, BadInput, UnknownName."""
        self.door.admit(request, arguments.text(key, "key"))
        writers = {"corrections": self.services.export, "queue": self.services.export_queue}
        if what not in writers:
            raise BadInput("wrong_type", field="what", wanted=" | ".join(writers), value=what)
        name, ending = board.task_of(task, self.services.tasks).name, arguments.text(form, "form")
        return {"name": f"{name}-{what}.{ending}", "content": writers[what](name, ending)}
