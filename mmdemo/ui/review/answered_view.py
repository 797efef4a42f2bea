"""What an annotator answered → the list from which they open it again, in one language. Plain data in and out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmdemo.locale import text
from mmdemo.tasks import Task
from mmdemo.ui.review import question_view
from mmdemo.ui.review.pins import PinButton
from mmdemo.values.review import Answered


@dataclass(frozen=True)
class AnsweredRow:
    """One line of the list."""

    sample_id: str
    title: str
    did: str  # the label that they gave, or that they passed it by
    at: str  # UTC, ISO 8601
    about: str  # the task, and what counts today where that is something else
    current: bool
    pin: PinButton | None  # None: no answer counts that could be pinned


def rows(
    answers: Sequence[Answered], tasks: Mapping[str, Task], current: str, language: str
) -> tuple[AnsweredRow, ...]:
    """Return what is listed, in the order given."""
    return tuple(_row(answer, tasks[answer.item.task], current, language) for answer in answers)


def _row(answer: Answered, task: Task, current: str, language: str) -> AnsweredRow:
    return AnsweredRow(
        sample_id=answer.item.sample_id,
        title=answer.item.text or question_view.untitled(answer.item, language),
        did=text(f"status.state_{answer.did}", language)
        if answer.label is None
        else task.display(answer.label, language),
        at=answer.at,
        about=" · ".join(_about(answer, task, language)),
        current=answer.item.sample_id == current,
        pin=PinButton(answer.item.sample_id, answer.item.is_golden) if answer.standing else None,
    )


def _about(answer: Answered, task: Task, language: str) -> Iterator[str]:
    yield task.display_title(language)
    counts = answer.standing
    if counts is not None and counts.label != answer.label:
        label = task.display(counts.label, language)
        yield text("review.counts_now", language, label=label, annotator=counts.annotator)
