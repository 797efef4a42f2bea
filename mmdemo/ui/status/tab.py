"""The Status tab: its frame, and the endpoints that `static/status/status.js` calls."""

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from mmdemo.errors import BadInput
from mmdemo.ui.callers import access, arguments
from mmdemo.ui.services import Services
from mmdemo.ui.shell import frame, render
from mmdemo.ui.shell.frame import language_of
from mmdemo.ui.status import status_view


def build(services: Services, door: access.Door) -> None:
    """Put the tab and its endpoints here."""
    board = Board(services, door)

    def tab(language: str) -> str:
        tasks = {name: task.display_title(language) for name, task in services.tasks.items()}
        return render.html("status", language, tasks=tasks)

    frame.part("status", tab)
    frame.endpoints("status", board.show, board.train, board.export)


@dataclass(frozen=True)
class Board:
    """How a task stands, told to visitors and, in full, to reviewers."""

    services: Services
    door: access.Door

    def show(self, request: gr.Request, task: str, key: str) -> dict[str, Any]:
        """Return the cards as HTML, and whether a training is at work. "" asks for the first task."""
        name = self._known(task)
        status, reviewer = self.services.status(name), self._is_reviewer(request, key)
        if not reviewer:
            status = access.for_strangers(status)
        language = language_of(request)
        view = status_view.view(status, self.services.tasks[name], reviewer, language)
        view = replace(view, has_key=self.door.has_key)
        return {"task": name, "running": view.running, "html": render.html("status_cards", language, view=view)}

    def train(self, request: gr.Request, task: str, key: str) -> dict[str, Any]:
        """Start the night, and return the cards. Raises NotAllowed, Busy, StorageError."""
        self.door.admit(request, arguments.text(key, "key"))
        self.services.train(self._known(task))
        return self.show(request, task, key)

    def export(self, request: gr.Request, task: str, what: str, form: str, key: str) -> dict[str, str]:
        """Return the answers, or the queue, as the text of a file. Raises NotAllowed, BadInput, UnknownName."""
        self.door.admit(request, arguments.text(key, "key"))
        writers = {"corrections": self.services.export, "queue": self.services.export_queue}
        if what not in writers:
            raise BadInput("wrong_type", field="what", wanted=" | ".join(writers), value=what)
        name, ending = self._known(task), arguments.text(form, "form")
        return {"name": f"{name}-{what}.{ending}", "content": writers[what](name, ending)}

    def _is_reviewer(self, request: gr.Request, key: str) -> bool:
        return self.door.is_reviewer(request, arguments.text(key, "key"))

    def _known(self, task: str) -> str:
        return arguments.task(arguments.text(task, "task") or next(iter(self.services.tasks)), self.services.tasks).name
