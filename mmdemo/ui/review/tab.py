"""The Review tab: its frame, and the endpoints that `static/review/review.js` calls."""

from mmdemo.ui.review.controller import Reviewing
from mmdemo.ui.review.lessons import Lessons
from mmdemo.ui.review.pins import GoldenPins
from mmdemo.ui.samples.retrieval import Neighbourhood
from mmdemo.ui.shell import frame, render


def build(reviewing: Reviewing) -> None:
    """Put the tab and its endpoints here."""

    def tab(language: str) -> str:
        tasks = {name: task.display_title(language) for name, task in reviewing.services.tasks.items()}
        return render.html("review", language, tasks=tasks)

    frame.part("review", tab)
    frame.endpoints("review", reviewing.act, reviewing.count, reviewing.leave, reviewing.thumbnails)
    frame.endpoints("review", GoldenPins(reviewing.services, reviewing.door).pin)
    lessons = Lessons(reviewing.services, reviewing.door)
    frame.endpoints("review", lessons.lesson, line="lesson")
    frame.endpoints("review", lessons.unteach)
    frame.endpoints("review", Neighbourhood(reviewing.services, reviewing.door).alike, line="weigh")
