"""What is alike → the list that is shown of it, in one language; and to reviewers beside their sample."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from mmdemo import decode
from mmdemo.errors import CheckpointError
from mmdemo.locale import text
from mmdemo.tasks import Task
from mmdemo.ui.callers import access, arguments
from mmdemo.ui.review import question_view
from mmdemo.ui.review.pins import PinButton
from mmdemo.ui.services import Services
from mmdemo.ui.shell import render
from mmdemo.ui.shell.frame import language_of
from mmdemo.values.analysis import Alike, Near
from mmdemo.values.samples import Sample

LISTED = 6
_NO_MANIFESTS = ("examples", "corrections")  # sources whose names the locale has


@dataclass(frozen=True)
class Card:
    """One sample of the list."""

    label: str  # as the reader calls it
    about: str  # where it is from, and what met what
    text: str
    image: str  # data URLs, "" for none
    audio: str
    aloud: str  # all of it in one line, for whoever does not see it
    play: str
    pin: PinButton | None = None  # None: it is not pinned from here


@dataclass(frozen=True)
class Neighbourhood:
    """What is alike to the sample that a reviewer is asked about."""

    services: Services
    door: access.Door

    def alike(self, request: gr.Request, key: str, sample_id: str, hide: bool) -> dict[str, Any]:
        """Return the list as HTML; labels of alike samples hint at the guess, so a blind annotator sees none.

        Raises NotAllowed, UnknownName, Conflict, BadInput.
        """
        self.door.admit(request, arguments.text(key, "key"))
        item = self.services.item(arguments.text(sample_id, "sample_id")).item
        language = language_of(request)
        if question_view.is_blind(item, arguments.flag(hide, "hide")):
            return {"html": f"<p class='mm-muted'>{text('alike.blind', language)}</p>"}
        task = self.services.tasks[item.task]
        inputs = decode.decode(Sample(image=item.image, text=item.text or "", audio=item.audio), task)
        try:
            neighbours = self.services.alike(item.task, self.services.forward(item.task, inputs), LISTED, True)
        except CheckpointError:  # the model is somebody else's, whose doubtful samples are only reviewed here
            neighbours = Alike("", (), {})
        return {"html": listed(neighbours, task, language, outdated=True)}


def listed(neighbours: Alike, task: Task, language: str, outdated: bool = False) -> str:
    """Return the list as HTML; with `outdated` it says which manifests must be indexed again."""
    left_out = text("common.comma", language).join(neighbours.left_out) if outdated else ""
    return render.html("alike", language, cards=list(cards(neighbours, task, language)), left_out=left_out)


def cards(neighbours: Alike, task: Task, language: str) -> Iterator[Card]:
    """Yield what is shown of each sample, nearest first."""
    for number, near in enumerate(neighbours.nearest, 1):
        label = task.display(near.label, language) if near.label else text("alike.unlabelled", language)
        about = _source(near, language)
        if len(task.modalities) > 1:
            query, match = (text(f"common.{modality}", language) for modality in (near.query, near.match))
            about = f"{about} · {text('alike.met', language, query=query, match=match)}"
        counted = {"number": number, "count": len(neighbours.nearest), "label": label}
        yield Card(
            label=label,
            about=about,
            text=near.text,
            image=near.image,
            audio=near.audio,
            aloud=text("alike.aloud", language, text=near.text, about=about, **counted),
            play=text("alike.play", language, **counted),
        )


def _source(near: Near, language: str) -> str:
    return text(f"alike.from_{near.source}", language) if near.source in _NO_MANIFESTS else near.source
