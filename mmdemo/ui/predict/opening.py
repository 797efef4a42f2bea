"""Which tasks are answered here, and kept answers, which open by their links."""

import contextlib
from dataclasses import dataclass, replace

import gradio as gr

from mmdemo import decode
from mmdemo.errors import MmdemoError
from mmdemo.ui.callers import access, arguments
from mmdemo.ui.predict import intake
from mmdemo.ui.predict.visits import Visit, Visits
from mmdemo.ui.samples.preview import Preview
from mmdemo.ui.services import Services
from mmdemo.values.samples import Sample

MOST_KEYS = 50  # that a browser may hold for one sample


@dataclass(frozen=True)
class Opening:
    """Begins visits whose answer is here already. Threads may share it."""

    services: Services
    door: access.Door
    visits: Visits

    def tasks(self) -> list[str]:
        """Return the tasks for which a model answers; samples of the others are only reviewed here."""
        return [name for name in self.services.tasks if self.services.has_model(name)]

    def open(self, token: str, sample_id: str, keys: list[str], key: str, request: gr.Request) -> bool:
        """Open a kept answer under a new token: for whoever holds its view key, and for reviewers by `key`.

        Raises NotAllowed with one sentence for everybody else, and for what is not kept or was deleted.
        """
        own = arguments.texts(keys, "keys", MOST_KEYS)
        reviewer = self.door.is_reviewer(request, arguments.text(key, "key"))
        kept = self.services.kept_answer(arguments.text(sample_id, "sample_id"), own, reviewer)
        item, task = kept.item, arguments.task(kept.item.task, self.services.tasks)
        visit = Visit(
            task=task.name,
            sample=Sample(image=item.image, text=item.text or "", audio=item.audio),
            keep=False,
            prediction=kept.prediction,
            preview=Preview(),
            opened=True,
            caller=self.door.callers.of_request(request),
        )
        with contextlib.suppress(MmdemoError):  # its file is gone, or today's limits are narrower
            visit = replace(visit, **intake.reading(visit.sample, task, decode.read))
        self.visits.begin(token, visit)
        return True
