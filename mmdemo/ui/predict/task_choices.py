"""Tasks → what the input card offers: its choices, fields and examples to click, in one language."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from mmdemo import decode, locale
from mmdemo.locale import percent, text
from mmdemo.tasks import Limits, Task
from mmdemo.ui.samples import preview

THUMBNAIL_PX = (264, 184)  # the box that a picture fits into
PEAKS = 14  # bars of a sound's picture
_BY_MODALITIES = {("image", "text"): "predict.choice_image_text", ("audio",): "predict.choice_audio"}


@dataclass(frozen=True)
class ExampleChoice:
    """One sample to click."""

    text: str
    credit: str
    thumbnail: str = ""  # a data URL
    peaks: tuple[float, ...] = ()


@dataclass(frozen=True)
class TaskChoice:
    """One task to choose, and the fields of its form."""

    name: str
    choice: str
    question: str  # what is asked of a sample
    modalities: tuple[str, ...]
    reads: str  # names of the languages that its model reads or hears, "" where there are none
    limits: Mapping[str, Any]
    consent: Mapping[str, str]  # what becomes of doubtful samples, as the visitor chose: the choice → a sentence
    kept: str  # what is kept then, at length
    examples: tuple[ExampleChoice, ...]


def view(tasks: Mapping[str, Task], language: str) -> tuple[TaskChoice, ...]:
    """Return what can be chosen, in the order of the tasks that take most modalities first."""
    ordered = sorted(tasks.values(), key=lambda task: -len(task.modalities))
    return tuple(
        TaskChoice(
            name=task.name,
            choice=_choice(task, ordered, language),
            question=task.display_question(language),
            modalities=task.modalities,
            reads=_reads(task, language),
            limits=asdict(task.limits),
            consent=_consents(task, language),
            kept=_sentence("kept", task, language),
            examples=tuple(_examples(task, language)),
        )
        for task in ordered
    )


def _choice(task: Task, all_tasks: list[Task], language: str) -> str:
    """The modalities say it best, as long as one task alone takes them."""
    alike = [other for other in all_tasks if other.modalities == task.modalities]
    key = _BY_MODALITIES.get(task.modalities)
    return text(key, language) if key and len(alike) == 1 else task.display_title(language)


def _reads(task: Task, language: str) -> str:
    named = locale.catalogue(language)
    return locale.listed((named.get(f"common.speaks_{code}", code) for code in task.languages), language)


def _consents(task: Task, language: str) -> dict[str, str]:
    """Return what the form says of each choice: none yet, yes, no; where samples are kept unless declined, none, no."""
    allowed = {name: _sentence(f"consent_{name}", task, language) for name in ("ask", "yes", "kept")}
    return allowed | {name: text(f"predict.consent_{name}", language) for name in ("no", "declined")}


def _sentence(what: str, task: Task, language: str) -> str:
    """Return what is kept of this task's samples; some tasks also have a share of sure answers checked by people.

    Where that is raised at times the sentence names the higher share, and `kept` says when which one holds.
    """
    if task.audit_share == 0:
        return text(f"predict.{what}_unsure", language)
    share = percent(task.audit_share, language)
    if task.audits.raises(task.audit_share):
        key = "audits_raised" if what == "kept" else "audits_up_to"
        first, until = percent(task.audits.share, language), task.audits.until
        share = text(f"predict.{key}", language, percent=first, later=share, until=until)
    return text(f"predict.{what}_audit", language, percent=share)


def _examples(task: Task, language: str) -> Iterator[ExampleChoice]:
    for example in task.examples:
        yield ExampleChoice(
            text=example.text or task.display(example.expected, language),
            credit=example.credit,
            thumbnail=_thumbnail(example.image, task.limits) if example.image else "",
            peaks=_peaks(example.audio, task.limits) if example.audio else (),
        )


@cache  # the same in each language
def _thumbnail(path: Path, limits: Limits) -> str:
    return decode.picture_url(decode.shrunk(decode.decode_image(path, limits), THUMBNAIL_PX))


@cache
def _peaks(path: Path, limits: Limits) -> tuple[float, ...]:
    return tuple(preview.peaks(decode.decode_audio(path, limits), PEAKS))
