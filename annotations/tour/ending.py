"""What the tour did, to be seen: the drawings whose answers turned, in words and on a page that loads nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
from markupsafe import Markup

from annotations.tour.walk import AnsweredDrawing
from mmdemo import locale, whole_file
from mmdemo.decode import picture_url
from mmdemo.tasks import Task

HERE = Path(__file__).parent
PAGE = "turned.html"
TOLD = 5  # drawings that are described in the terminal; the page shows all


@dataclass(frozen=True)
class Turn:
    """One drawing, asked about before the training and after it."""

    before: AnsweredDrawing
    after: AnsweredDrawing


@dataclass(frozen=True)
class Turned:
    """How the answers to some drawings changed."""

    asked: int
    right_before: int
    right_after: int
    right: tuple[Turn, ...]  # that were wrong before and are right now
    wrong: tuple[Turn, ...]  # the other way round


@dataclass(frozen=True)
class Ending:
    """What the page shows."""

    task: Task
    address: str  # of the task in the running app, "" where that ends with the tour
    versions: tuple[str, str]  # served before and after
    answered: int  # samples of the queue that the annotator answered
    waiting: int  # that still wait
    groups: Mapping[str, Turned]  # "sent", "outline", "filled": the end of a key in the locale


def compare(before: Sequence[AnsweredDrawing], after: Sequence[AnsweredDrawing]) -> Turned:
    """Return how the answers changed; both hold the same drawings in the same order."""
    turns = [Turn(*pair) for pair in zip(before, after, strict=True)]
    return Turned(
        asked=len(turns),
        right_before=sum(turn.before.right for turn in turns),
        right_after=sum(turn.after.right for turn in turns),
        right=tuple(turn for turn in turns if turn.after.right and not turn.before.right),
        wrong=tuple(turn for turn in turns if turn.before.right and not turn.after.right),
    )


def sentences(turned: Turned, task: Task) -> Iterator[str]:
    """Yield what turned right in words, a drawing each, of the first ones."""
    for turn in turned.right[:TOLD]:
        yield locale.text(
            "tour.drawing",
            shape=task.display(turn.before.drawing.shape),
            name=turn.before.drawing.name,
            before=_answer(turn.before, task, "en"),
            after=_answer(turn.after, task, "en"),
        )
    if len(turned.right) > TOLD:
        yield locale.text("tour.more", count=len(turned.right) - TOLD)


def where(task: Task, language: str = "en") -> str:
    """Say where on the page the task stands."""
    tab = locale.text("common.tab_predict", language)
    return locale.text("tour.where", language, tab=tab, task=task.display_title(language))


def write(folder: Path, ending: Ending) -> Path:
    """Write the page into `folder` and return its path. Raises StorageError."""
    whole_file.write(folder / PAGE, render(ending))
    return folder / PAGE


def render(ending: Ending) -> str:
    """Return the page as HTML: in every language at once, of which the browser shows its reader's."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def answer(result: AnsweredDrawing) -> Markup:
        return _in_each(lambda language: _answer(result, ending.task, language))

    environment.globals.update(
        where=_in_each(lambda language: where(ending.task, language)),
        t=lambda key, **values: _in_each(lambda language: locale.text(key, language, **values)),
        title=_in_each(ending.task.display_title),
        shape=lambda result: _in_each(lambda language: ending.task.display(result.drawing.shape, language)),
        answer=answer,
        picture=lambda result: picture_url(result.drawing.picture, "PNG"),
        languages=locale.LANGUAGES,
    )
    return environment.get_template(PAGE).render(ending=ending)


def _in_each(say: Callable[[str], str]) -> Markup:
    """Return what `say` makes of every language, each marked as that language's."""
    return Markup().join(Markup('<span lang="{}">{}</span>').format(name, say(name)) for name in locale.LANGUAGES)


def _answer(result: AnsweredDrawing, task: Task, language: str) -> str:
    label = task.display(result.answer["label"], language)
    return f"{label} ({100 * result.answer['confidence']:.0f}\N{NO-BREAK SPACE}%)"
