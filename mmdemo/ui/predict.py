"""The Predict tab: its form, and the endpoints that `static/predict.js` calls."""

from mmdemo.settings import UNLESS_DECLINED, Settings
from mmdemo.ui import choices, desk, frame, looking, opening, render
from mmdemo.ui.access import Door
from mmdemo.ui.services import Services
from mmdemo.ui.state import REMEMBERED_S, Visits


def build(services: Services, settings: Settings, door: Door, visits: Visits) -> None:
    """Put the tab and its endpoints here; `visits` is what it remembers of its visitors."""
    counter = desk.Desk(services, settings, visits)

    def tab(language: str) -> str:
        return render.html(
            "predict",
            language,
            tasks=choices.view(services.tasks, language),
            kept_for=desk.kept_for_sentence(settings, language),
            minutes=REMEMBERED_S // 60,
            unless_declined=settings.keep_doubtful == UNLESS_DECLINED,
        )

    frame.part("predict", tab)
    closer = looking.Looking(services, counter.visits)
    frame.endpoint(counter.predict, "page_predict", line="predict")
    for name in ("study", "what_if"):
        frame.endpoint(getattr(closer, name), f"page_{name}", line="look")
    for name in ("weigh", "alike"):  # they take a second
        frame.endpoint(getattr(closer, name), f"page_{name}", line="weigh")
    for name in ("begin", "recall", "consent", "dispute", "forget", "clear", "cancel", "ready", "example"):
        frame.endpoint(getattr(counter, name), f"page_{name}")
    opener = opening.Opening(services, door, visits)
    frame.endpoint(opener.tasks, "page_tasks")
    frame.endpoint(opener.example, "page_begin_example")
    frame.endpoint(opener.answer, "page_open")
