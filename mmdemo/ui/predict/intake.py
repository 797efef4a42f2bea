"""Takes samples in: what a visitor sends, or picks among the examples, is read once and remembered under a token.

Reading takes its turn apart from the lines of answers: a file that is slow to read keeps nobody from an answer.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr
from gradio import FileData

from mmdemo import decode
from mmdemo.errors import ON_CALL, BadInput, MmdemoError
from mmdemo.guard.callers import Callers
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.ui.callers import arguments, uploads
from mmdemo.ui.predict.visits import Visit, Visits
from mmdemo.ui.samples import preview
from mmdemo.ui.services import Services
from mmdemo.values.samples import MODALITIES, Inputs, Sample

SHARED_S = 60.0  # how long one answer to an example serves all who only look at it: no longer than a new version is new

Reader = Callable[[Sample, Task], Sample]  # as decode.read

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Intake:
    """Begins visits of samples that are to be answered. Threads may share it."""

    services: Services
    settings: Settings
    visits: Visits
    shared_s: float = SHARED_S
    shared: dict[tuple[str, int], tuple[str, float]] = field(default_factory=dict)  # example → a visit's token, since

    def begin(
        self,
        token: str,
        task: str,
        caption: str,
        image: FileData | None,
        audio: FileData | None,
        keep: bool | None,
        like: str,
        again: list[str],
        request: gr.Request | None = None,
    ) -> bool:
        """Take a sample in under a new token; what `again` names ("image", "audio") is that of the visit `like`.

        keep: may it be kept where people shall see it? None: its visitor will be asked. Its uploads are gone when this
        returns. What comes again under the same token, because the page heard of no end, has been taken in already.
        """
        if self.visits.get(token) is not None:
            return True
        files = uploads.of(image, "image"), uploads.of(audio, "audio")
        again = arguments.texts(again, "again", len(MODALITIES))
        try:
            contents = (file.read_bytes() if file else None for file in files)
            media: dict[str, Any] = dict(zip(("image", "audio"), contents, strict=True))
            media |= self._media(like, task, again)
            sample = Sample(text=arguments.text(caption, "text"), **media)
        finally:
            uploads.remove(*files)
        agreed = None if keep is None else arguments.flag(keep, "keep")
        visit = Visit(arguments.task(task, self.services.tasks).name, sample, agreed, caller=self._caller(request))
        self._take_in(token, visit, decode.read_untrusted)
        return True

    def begin_example(
        self, token: str, task: str, number: int, keep: bool | None, request: gr.Request | None = None
    ) -> bool:
        """Take in one of the task's examples under a new token; one that is not to be kept is answered once for many.

        keep: as for what is sent in; None: its visitor will be asked where there is reason to.
        """
        known = arguments.task(task, self.services.tasks)
        chosen = known.example(number)
        agreed = None if keep is None else arguments.flag(keep, "keep")
        shared = self._shared(known.name, number) if agreed is False else None
        if shared is not None:
            self.visits.begin(token, replace(shared, caller=self._caller(request)))
            return True
        sample = Sample(image=chosen.image, text=chosen.text, audio=chosen.audio)
        visit = Visit(known.name, sample, agreed, example=number, caller=self._caller(request))
        self._take_in(token, visit, decode.read)
        if agreed is False:
            self.shared[known.name, number] = token, time.monotonic()
        return True

    def _take_in(self, token: str, visit: Visit, read_with: Reader) -> None:
        """Remember a visit at once, so that whoever cancels it meanwhile is heard, and then read its sample."""
        self.visits.begin(token, visit)
        read(self.visits, token, self.services.tasks[visit.task], read_with)

    def _media(self, like: str, task: str, names: list[str]) -> dict[str, Any]:
        """Return picture and sound of an earlier visit of the task. Raises BadInput where they are gone."""
        earlier = self.visits.get(like)
        sample = earlier.sample if earlier and earlier.task == task else Sample()
        media = {name: medium for name, medium in (("image", sample.image), ("audio", sample.audio)) if name in names}
        if None in media.values():
            raise BadInput("visit_gone")
        return media

    def _shared(self, task: str, number: int) -> Visit | None:
        token, since = self.shared.get((task, number), ("", 0.0))
        if not token or time.monotonic() - since > self.shared_s:
            return None
        visit = self.visits.get(token)
        return visit if visit is not None and visit.prediction is not None and not visit.touched else None

    def _caller(self, request: gr.Request | None) -> str:
        return Callers.of(self.settings).of_request(request)


def read(visits: Visits, token: str, task: Task, read_with: Reader = decode.read_untrusted) -> Visit:
    """Read the sample of a visit that has begun, and return the visit with its inputs, or with a refusal.

    Raises BadInput where it is gone, also meanwhile.
    """
    visit = visits.get(token)
    try:
        changes = reading(visit.sample, task, read_with) if visit else {}
    except MmdemoError as error:
        changes = refusing(error)
    changed = visits.change(token, **changes)
    if changed is None:
        raise BadInput("visit_gone")
    return changed


def reading(sample: Sample, task: Task, read_with: Reader) -> dict[str, Any]:
    """Return what a visit knows of its sample once that is read. Raises MmdemoError."""
    sample = read_with(sample, task)
    inputs = decode.inputs_of(sample)
    return {"sample": sample, "inputs": inputs, "preview": preview.of(inputs)}


def inputs_of(visit: Visit, task: Task) -> Inputs:
    """Return the inputs of an answered visit. Raises BadInput for a kept sample that can no longer be read."""
    return visit.inputs if visit.inputs is not None else decode.decode(visit.sample, task)


def refusing(error: MmdemoError) -> dict[str, Any]:
    """Return what a visit knows instead of an answer; what only its host can mend stands in the log."""
    if isinstance(error, ON_CALL):
        log.error("%s", error)
    return {"refusal": error}
