"""How the page shows an answer of each kind, and by which control a person gives another; found in KINDS.

A control is a pair of templates, `dispute_NAME.html` for the answer card and `review_NAME.html` for the Review tab,
which the page's script knows by what stands in them: a button for each value, or a field in a form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mmdemo.answers import CLASSIFICATION
from mmdemo.tasks import Task
from mmdemo.ui.widgets import labels
from mmdemo.ui.widgets.parts import ACCURACY, Bar, Column, Otherwise
from mmdemo.values.samples import Prediction

__all__ = ["ACCURACY", "CHOICES", "KINDS", "TYPED", "AnswerWidget", "Bar", "Column", "Control", "Otherwise"]


@dataclass(frozen=True)
class Control:
    """By what a person gives an answer."""

    name: str  # of its templates
    inputmode: str = "text"  # which keys a phone shows for a field


CHOICES = Control("choices")  # a button for each of `Task.answers`
TYPED = Control("typed")  # a field; the kind's `check` refuses what is no answer


@dataclass(frozen=True)
class AnswerWidget:
    """What the page does with answers of a kind; where nothing more is said it shows the value and how sure it is."""

    control: Control = TYPED
    # Answer, task, language → the bars of what it could be.
    bars: Callable[[Prediction, Task, str], tuple[Bar, ...]] = lambda prediction, task, language: ()
    # Answer, what `Services.what_if` returns, task, language → what it would be; None: the page offers no what-if.
    otherwise: Callable[[Prediction, Mapping[str, float], Task, str], Otherwise] | None = None
    columns: tuple[Column, ...] = (ACCURACY,)  # the figures of its versions, where their sidecars have them


KINDS: dict[str, AnswerWidget] = {CLASSIFICATION: AnswerWidget(CHOICES, labels.bars, labels.otherwise, labels.COLUMNS)}
