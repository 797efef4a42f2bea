"""The Predict tab: its form, and the endpoints that `static/predict/predict.js` calls."""

from mmdemo.settings import UNLESS_DECLINED
from mmdemo.ui.callers.access import Door
from mmdemo.ui.maps import analysis
from mmdemo.ui.predict import answer_curves, controller, intake, opening, task_choices
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.predict.visits import REMEMBERED_S
from mmdemo.ui.queueing import turns
from mmdemo.ui.shell import frame, render


def build(counter: PredictController, door: Door) -> None:
    """Put the tab and its endpoints here."""
    services, settings, visits = counter.services, counter.settings, counter.visits

    def tab(language: str) -> str:
        return render.html(
            "predict",
            language,
            tasks=task_choices.view(services.tasks, language),
            kept_for=controller.kept_for_sentence(settings, language),
            minutes=REMEMBERED_S // 60,
            unless_declined=settings.keep_doubtful == UNLESS_DECLINED,
        )

    frame.part("predict", tab)
    taking = intake.Intake(services, settings, visits)
    frame.endpoints("page", taking.begin, taking.begin_example, turn=turns.READING)
    frame.endpoints("page", counter.predict, line="predict")
    closer = analysis.Looking(services, visits)
    frame.endpoints("page", closer.study, closer.what_if, line="look")
    frame.endpoints("page", closer.weigh, closer.alike, line="weigh")  # they take a second
    believing = answer_curves.Believing(services, visits)
    frame.endpoints("page", believing.curves)
    opener = opening.Opening(services, door, visits)
    frame.endpoints("page", counter.recall, counter.consent, counter.dispute, counter.forget, counter.clear)
    frame.endpoints("page", counter.cancel, counter.ready, counter.example, opener.tasks, opener.open)
