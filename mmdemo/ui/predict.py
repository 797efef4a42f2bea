"""The Predict tab: its form, and the endpoints that `static/predict.js` calls."""

from mmdemo.settings import UNLESS_DECLINED
from mmdemo.ui import choices, desk, frame, intake, looking, opening, render, turns
from mmdemo.ui.access import Door
from mmdemo.ui.desk import PredictController
from mmdemo.ui.state import REMEMBERED_S


def build(counter: PredictController, door: Door) -> None:
    """Put the tab and its endpoints here."""
    services, settings, visits = counter.services, counter.settings, counter.visits

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
    taking = intake.Intake(services, settings, visits)
    frame.endpoints("page", taking.begin, taking.begin_example, turn=turns.READING)
    frame.endpoints("page", counter.predict, line="predict")
    closer = looking.Looking(services, visits)
    frame.endpoints("page", closer.study, closer.what_if, line="look")
    frame.endpoints("page", closer.weigh, closer.alike, line="weigh")  # they take a second
    opener = opening.Opening(services, door, visits)
    frame.endpoints("page", counter.recall, counter.consent, counter.dispute, counter.forget, counter.clear)
    frame.endpoints("page", counter.cancel, counter.ready, counter.example, opener.tasks, opener.open)
