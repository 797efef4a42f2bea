"""Answers that are not sent in through the form: an example's, and a kept one's by its link."""

import time
from dataclasses import dataclass, field, replace

import gradio as gr

from mmdemo.errors import UnknownName
from mmdemo.samples import Sample
from mmdemo.tasks import Task
from mmdemo.ui import access, arguments, preview
from mmdemo.ui.services import Services
from mmdemo.ui.state import Visit, Visits

SHARED_S = 60.0  # how long one answer to an example serves all who only look at it: no longer than a new version is new
MOST_KEYS = 50  # that a browser may hold for one sample


@dataclass(frozen=True)
class Opening:
    """Begins visits whose sample is here already. Threads may share it."""

    services: Services
    door: access.Door
    visits: Visits
    shared_s: float = SHARED_S
    shared: dict[tuple[str, int], tuple[str, float]] = field(default_factory=dict)  # example → a visit's token, since

    def tasks(self) -> list[str]:
        """Return the tasks for which a model answers; samples of the others are only reviewed here."""
        return [name for name in self.services.tasks if self.services.has_model(name)]

    def example(self, token: str, task: str, number: int, keep: bool | None, request: gr.Request | None = None) -> bool:
        """Take in one of the task's examples under a new token; one that is not to be kept is answered once for many.

        keep: as for what is sent in; None: its visitor will be asked where there is reason to.
        """
        known = self._task(task)
        if not 0 <= number < len(known.examples):
            raise UnknownName("unknown_example", number=number, count=len(known.examples))
        agreed = None if keep is None else arguments.flag(keep, "keep")
        visit = self._shared(known.name, number) if agreed is False else None
        if visit is None:
            chosen = known.examples[number]
            sample = Sample(image=chosen.image, text=chosen.text, audio=chosen.audio)
            visit = Visit(known.name, sample, agreed, example=number)
        visit = replace(visit, caller=self.door.callers.of_request(request))
        self.visits.begin(token, visit)
        if agreed is False and not visit.answered:
            self.shared[known.name, number] = token, time.monotonic()
        return True

    def answer(self, token: str, sample_id: str, keys: list[str], key: str, request: gr.Request) -> bool:
        """Open a kept answer under a new token: for whoever holds its view key, and for reviewers by `key`.

        Raises NotAllowed with one sentence for everybody else, and for what is not kept or was deleted.
        """
        own = arguments.texts(keys, "keys", MOST_KEYS)
        reviewer = self.door.is_reviewer(request, arguments.text(key, "key"))
        kept = self.services.kept_answer(arguments.text(sample_id, "sample_id"), own, reviewer)
        item, task = kept.item, self._task(kept.item.task)
        visit = Visit(
            task=task.name,
            sample=Sample(image=item.image, text=item.text or "", audio=item.audio),
            keep=False,
            prediction=kept.prediction,
            preview=preview.of_kept(item, task),
            opened=True,
            caller=self.door.callers.of_request(request),
        )
        self.visits.begin(token, visit)
        return True

    def _shared(self, task: str, number: int) -> Visit | None:
        token, since = self.shared.get((task, number), ("", 0.0))
        if not token or time.monotonic() - since > self.shared_s:
            return None
        visit = self.visits.get(token)
        return visit if visit is not None and visit.prediction is not None and not visit.touched else None

    def _task(self, name: str) -> Task:
        if arguments.text(name, "task") not in self.services.tasks:
            raise UnknownName("unknown_task", task=name, known=", ".join(self.services.tasks))
        return self.services.tasks[name]
