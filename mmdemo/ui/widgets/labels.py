"""How the page shows one label out of several: a bar for each, how the bars move in a what-if, figures of versions."""

from collections.abc import Iterator, Mapping

from mmdemo.answers import NONE_OF_THESE
from mmdemo.locale import percent, text
from mmdemo.tasks import Task
from mmdemo.ui.widgets.parts import ACCURACY, Bar, Column, Otherwise
from mmdemo.values.samples import Prediction

COLUMNS = (
    ACCURACY,
    Column("macro_f1", lambda language: text("status.figure_macro_f1", language)),
    Column("ece", lambda language: text("status.figure_ece", language)),
)


def bars(prediction: Prediction, task: Task, language: str) -> tuple[Bar, ...]:
    """Return a bar for each label, in the task's order; of a refusal one for "none of these" too."""
    return tuple(_bars(prediction, task, language))


def _bars(prediction: Prediction, task: Task, language: str) -> Iterator[Bar]:
    refused = prediction.label == NONE_OF_THESE
    shares = prediction.labelled.shares if refused else prediction.probabilities
    for label in task.answers if refused else task.label_names:
        value = shares.get(label, 0.0)
        won = label == prediction.label
        yield Bar(label, task.display(label, language), percent(value, language), round(100 * value, 2), won)


def otherwise(prediction: Prediction, shares: Mapping[str, float], task: Task, language: str) -> Otherwise:
    """Return how an answer changes; `shares` are the new probabilities by label."""
    now = max(shares, key=lambda label: shares[label])
    before = prediction.label
    if prediction.capped:
        key = "explain.guess_same" if now == before else "explain.guess_other"
        return Otherwise({}, {}, text(key, language, label=task.display(now, language)))
    key = "explain.then_same" if now == before else "explain.then_other"
    return Otherwise(
        percents={label: percent(share, language) for label, share in shares.items()},
        widths={label: round(100 * share, 2) for label, share in shares.items()},
        sentence=text(
            key,
            language,
            label=task.display(before, language),
            before=percent(prediction.confidence, language),
            after=percent(shares[before], language),
            other=task.display(now, language),
            share=percent(shares[now], language),
        ),
    )
