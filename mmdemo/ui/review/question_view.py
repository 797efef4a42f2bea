"""A queued sample → what the Review tab asks about it, in one language. Plain data in, plain data out."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mmdemo import characters
from mmdemo.answers import NONE_OF_THESE
from mmdemo.locale import sure, text
from mmdemo.tasks import Task
from mmdemo.ui.widgets import KINDS, Control
from mmdemo.values.review import Correction, QueueItem, ReviewItem, SampleState, Status
from mmdemo.values.samples import FlagReason

KEYS = ("1", "2", "3", "4", "5", "6", "7", "8", "9", "0")  # of the first ten labels
NONE_KEY = "X"


@dataclass(frozen=True)
class QueueLine:
    """One line of the queue."""

    sample_id: str
    title: str
    about: str
    current: bool
    later: bool = False  # it was skipped: it comes after all others
    held: str = ""  # that somebody else is answering it


@dataclass(frozen=True)
class AnswerChoice:
    """One label to choose."""

    label: str  # as stored
    name: str  # as the reader calls it
    key: str  # that chooses it, "" for none
    aside: str = ""  # why it stands out
    accept: bool = False  # Enter chooses it


@dataclass(frozen=True)
class ReviewQuestion:
    """One sample, and by what it is answered."""

    sample_id: str
    caption: str
    facts: tuple[str, ...]
    notes: tuple[str, ...]  # sentences about the answer, as its visitor read them
    earlier: tuple[str, ...]  # answers that were given before
    control: Control
    choices: tuple[AnswerChoice, ...]  # in the task's order; none where answers can't be listed
    accept: str  # the value that Enter stores, "" for none
    typed: str  # what stands in a field at first
    known: tuple[str, ...]  # beside a field: what was answered, guessed, suggested
    blind: bool  # nothing here tells what the model guessed, or what a visitor suggested
    title: str = ""  # of the task
    asks: str = ""  # what the task asks of a sample
    guess: str = ""  # the value that can be called right for the wrong reason: there is a map to judge by


def rows(items: Sequence[QueueItem], tasks: Mapping[str, Task], current: str, language: str) -> tuple[QueueLine, ...]:
    """Return the queue as it is listed."""
    return tuple(_row(item, tasks[item.task], item.sample_id == current, language) for item in items)


def question(entry: ReviewItem, task: Task, hide: bool, language: str, annotator: str = "") -> ReviewQuestion:
    """Return what is asked about one sample; `hide` asks for it blind, `annotator` is told their own answer."""
    blind, own = is_blind(entry.item, hide), _own(entry, annotator)
    # Nobody changes an answer by Enter alone.
    accept = "" if blind or entry.item.state == SampleState.LABELLED else _proposed(entry.item, task)
    return ReviewQuestion(
        sample_id=entry.item.sample_id,
        caption=entry.item.text or "",
        facts=tuple(_facts(entry, language)),
        notes=() if blind else tuple(text(f"note.{key}", language) for key in entry.prediction.notes),
        earlier=() if blind else tuple(_earlier(entry, task, language)),
        control=KINDS[task.kind].control,
        choices=tuple(_choices(entry.item, task, blind, language, own, accept)),
        accept=accept,
        typed=own or accept,
        known=tuple(_known(entry.item, task, blind, language, own)),
        blind=blind,
        title=task.display_title(language),
        asks=task.display_question(language),
        guess="" if blind or entry.prediction.explanation is None else _answerable(entry.item.label, task),
    )


def is_blind(item: QueueItem, hide: bool) -> bool:
    """Tell whether the annotator must not see the guess before answering."""
    return hide or item.checks or item.reason == FlagReason.SECOND_LOOK


def _reason(item: QueueItem) -> str:
    """Return why it is asked about; of what judges versions no more, whatever its visitor said of the answer."""
    return FlagReason.AUDIT if item.checks else item.reason


def keys(labels: Sequence[str]) -> dict[str, str]:
    """Return label → key: 1 … 9 and 0 in the task's order; where labels are digits, the digit itself."""
    named = [label for label in labels if label != NONE_OF_THESE]
    digits = all(len(label) == 1 and label in KEYS for label in named)
    key_of = dict(zip(named, named if digits else KEYS, strict=False))
    return key_of | ({NONE_OF_THESE: NONE_KEY} if NONE_OF_THESE in labels else {})


def untitled(item: QueueItem, language: str) -> str:
    """Return what a sample without a caption is called in a list."""
    return text("review.sound" if item.audio else "review.picture", language)


def held(item: QueueItem, language: str) -> str:
    """Return the words for somebody's being at a sample, "" where nobody is."""
    if item.claimed_until is None:
        return ""
    return text("review.held" if item.claimed_by else "review.held_nameless", language, annotator=item.claimed_by)


def told(entry: ReviewItem, correction: Correction, task: Task, language: str) -> str:
    """Return what is said after an answer: now the guess may be known."""
    name, guess = task.display(correction.label, language), task.display(entry.item.label, language)
    if correction.label == entry.item.label:
        key = "review.said_wrong_reason" if correction.wrong_reason else "review.said_alike"
        return text(key, language, label=name)
    how_sure = sure(entry.item.confidence, entry.item.capped, language)
    return text("review.said", language, label=name, guess=guess, percent=how_sure)


def not_yet(correction: Correction, language: str) -> str:
    """Return what is said of an answer while another one counts; "" where it counts."""
    return "" if correction.counts else text("review.counts_not_yet", language)


def progress(answered_today: int, status: Status, task: Task, language: str) -> str:
    """Return what was answered today, and what the night still needs to decide about this task."""
    today, title = text("review.today", language, count=answered_today), task.display_title(language)
    missing = status.held_out_needed - status.held_out
    if missing <= 0 and status.checks_missing:
        return today + text("review.checks_missing", language, count=status.checks_missing, task=title)
    if missing <= 0:
        return today + text("review.enough", language, task=title)
    # Only a share of all answers is set aside to judge by.
    more = math.ceil(missing / task.gate.held_out_share)
    return today + text("review.missing", language, count=more, task=title)


def _row(item: QueueItem, task: Task, current: bool, language: str) -> QueueLine:
    reason = text(f"review.reason_{_reason(item)}", language)
    about = (task.display_title(language), sure(item.confidence, item.capped, language), reason)
    title, others = item.text or untitled(item, language), "" if current else held(item, language)
    return QueueLine(item.sample_id, title, " · ".join(about), current, item.state == SampleState.SKIPPED, others)


def _facts(entry: ReviewItem, language: str) -> Iterator[str]:
    yield text(f"review.why_{_reason(entry.item)}", language)
    if entry.item.state in (SampleState.SKIPPED, SampleState.UNSURE):
        yield text(f"review.was_{entry.item.state}", language)
    yield text("review.version", language, version=entry.prediction.model_version)


def _earlier(entry: ReviewItem, task: Task, language: str) -> Iterator[str]:
    for correction in entry.corrections:
        name = task.display(correction.label, language)
        key = "review.earlier_wrong_reason" if correction.wrong_reason else "review.earlier"
        yield text(key, language, label=name, annotator=correction.annotator)


def _own(entry: ReviewItem, annotator: str) -> str:
    """Return the label that this annotator gave, while it counts; "" where they are to look afresh."""
    if entry.item.reason == FlagReason.SECOND_LOOK and entry.item.state != SampleState.LABELLED:
        return ""
    name = characters.canonical_name(annotator)
    latest = [each for each in entry.corrections if each.annotator == name][-1:]
    return latest[0].label if latest and latest[0].counts else ""


def _guess(item: QueueItem, language: str) -> str:
    if item.capped:
        return text("common.only_a_guess", language)
    return text("review.guess", language, percent=sure(item.confidence, False, language))


def _answerable(value: str, task: Task) -> str:
    return value if task.takes(value) else ""


def _proposed(item: QueueItem, task: Task) -> str:
    """Return what whoever agrees stores: what a visitor suggested, else the guess; "" where neither may be answered."""
    suggested = item.suggested or ""
    return _answerable(suggested, task) or _answerable(item.label, task)


def _choices(item: QueueItem, task: Task, blind: bool, language: str, own: str, accept: str) -> Iterator[AnswerChoice]:
    key_of = keys(task.answers)
    for label in task.answers:
        aside = " · ".join(_asides(label, item, blind, language, own))
        yield AnswerChoice(label, task.display(label, language), key_of.get(label, ""), aside, label == accept)


def _known(item: QueueItem, task: Task, blind: bool, language: str, own: str) -> Iterator[str]:
    """Yield each value that somebody gave, and who; one that several gave once."""
    for value in dict.fromkeys(filter(None, (own, *(() if blind else (item.label, item.suggested))))):
        who = " · ".join(_asides(value, item, blind, language, own))
        yield text("review.value_known", language, value=task.display(value, language), who=who)


def _asides(value: str, item: QueueItem, blind: bool, language: str, own: str) -> Iterator[str]:
    """Yield who gave a value: the annotator, the model, a visitor."""
    if value == own:
        yield text("review.own", language)
    if value == item.label and not blind:
        yield _guess(item, language)
    if value == item.suggested and not blind:
        yield text("review.suggested", language)
