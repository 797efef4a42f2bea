"""A board: cards of one task, which a tab's endpoint `show` fills, under a row of tasks to choose from.

What it does in the browser stands in `static/shell/board.js`.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from mmdemo.tasks import Task
from mmdemo.ui.callers import arguments
from mmdemo.ui.shell import frame, render


def part(name: str, tasks: Mapping[str, Task]) -> gr.HTML:
    """Put the board of the tab `name` here."""

    def board(language: str) -> str:
        titles = {task: of.display_title(language) for task, of in tasks.items()}
        return render.html("board", language, name=name, tasks=titles)

    return frame.part(name, board)


def task_of(value: Any, tasks: Mapping[str, Task]) -> Task:
    """Return the task that a board is asked for: "" asks for the first. Raises BadInput, UnknownName."""
    return arguments.task(arguments.text(value, "task") or next(iter(tasks)), tasks)
