"""Teach it, now: the endpoints of a lesson, and what the Review tab shows of one."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mmdemo.errors import BadInput
from mmdemo.locale import text
from mmdemo.tasks import Task
from mmdemo.ui.callers import access, arguments
from mmdemo.ui.models import models_view
from mmdemo.ui.samples.retrieval import Card
from mmdemo.ui.services import Services
from mmdemo.ui.shell import render
from mmdemo.ui.shell.frame import language_of
from mmdemo.values.history import Lesson, LessonPart
from mmdemo.values.review import browser_mark

MOST = 100  # samples whose answers are taken back in one call


@dataclass(frozen=True)
class PartView:
    """One row of the table, with the samples that turned."""

    name: str
    before: str
    after: str
    better: int  # -1 | 0 | 1
    turned: str
    groups: dict[str, list[Card]]  # heading → samples


@dataclass(frozen=True)
class LessonView:
    """What is shown of a lesson."""

    line: str
    aside: str
    parts: tuple[PartView, ...]


@dataclass(frozen=True)
class Lessons:
    """What `static/review/lesson.js` asks for."""

    services: Services
    door: access.Door

    def lesson(self, request: gr.Request, key: str, task: str, annotator: str) -> dict[str, Any]:
        """Teach the served version an annotator's latest answers; "" is the task of the newest one.

        Raises NotAllowed, UnknownName, Conflict where there are too few, CheckpointError.
        """
        self.door.admit(request, arguments.text(key, "key"))
        who, language = arguments.text(annotator, "annotator"), language_of(request)
        lesson = self.services.lesson(self._task(arguments.text(task, "task"), who), who)
        html = render.html("review_lesson", language, view=view(lesson, self.services.tasks[lesson.task], language))
        return {"html": html, "ids": list(lesson.sample_ids)}

    def unteach(self, request: gr.Request, key: str, ids: list, annotator: str, browser: str) -> dict[str, Any]:
        """Take back these answers of an annotator in this browser. Raises NotAllowed, BadInput."""
        self.door.admit(request, arguments.text(key, "key"))
        who, mark = arguments.text(annotator, "annotator"), browser_mark(arguments.token(browser))
        count = self.services.take_back(arguments.texts(ids, "ids", MOST), who, mark)
        return {"count": count, "line": text("review.lesson_undone", language_of(request), count=count)}

    def _task(self, task: str, annotator: str) -> str:
        if task:
            return arguments.task(task, self.services.tasks).name
        newest = self.services.answered(annotator, 1)
        if not newest:
            raise BadInput("lesson_nothing_answered")
        return newest[0].item.task


def view(lesson: Lesson, task: Task, language: str) -> LessonView:
    """Return what is shown of a lesson."""
    seconds = f"{lesson.seconds:.0f}" if lesson.seconds >= 10 else f"{lesson.seconds:.1f}"
    values = {"count": len(lesson.sample_ids), "version": lesson.version, "seconds": seconds}
    aside = text("review.lesson_aside", language, count=lesson.set_aside) if lesson.set_aside else ""
    parts = tuple(_part(part, task, language) for part in lesson.parts)
    return LessonView(text("review.lesson_line", language, **values), aside, parts)


def _part(part: LessonPart, task: Task, language: str) -> PartView:
    sides = part.before, part.after
    before, after = (text("review.lesson_share", language, right=side, count=part.count) for side in sides)
    cards = {
        text(f"models.turned_{side}", language, count=count): list(models_view.cards(turned, task, language))
        for side, count, turned in (
            ("right", part.right, [one for one in part.turned if one.is_right]),
            ("wrong", part.wrong, [one for one in part.turned if not one.is_right]),
        )
        if turned
    }
    return PartView(
        name=text(f"review.lesson_{part.name}", language),
        before=before if part.count else text("review.lesson_none", language),
        after=after if part.count else "",
        better=(part.after > part.before) - (part.after < part.before),
        turned=text("review.lesson_turned", language, right=part.right, wrong=part.wrong) if part.count else "",
        groups=cards,
    )
