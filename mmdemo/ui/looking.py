"""A closer look at what was answered: other maps, what decided it, whether the map can be trusted, and what if.

Each call goes back to the visit's own sample; nothing that it finds is kept.
"""

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from mmdemo.errors import BadInput
from mmdemo.recent import Recent
from mmdemo.samples import MODALITIES, Sample, to_json
from mmdemo.study import Asked, Study, Weighed
from mmdemo.ui import alike, arguments, render, switch, weighing
from mmdemo.ui.frame import language_of
from mmdemo.ui.services import Services
from mmdemo.ui.state import Visit, Visits

MOST_UNITS = 10_000  # of a map: more than any caption, picture or sound has


@dataclass(frozen=True)
class Looking:
    """What a visitor may ask about an answer that they were given."""

    services: Services
    visits: Visits
    # Of the examples, at whose answers many look without asking for anything:
    studies: Recent[Sample, Study] = field(default_factory=Recent)
    weighed: Recent[Sample, dict[Asked, Weighed]] = field(default_factory=Recent)

    def study(self, token: str, request: gr.Request) -> dict[str, Any]:
        """Return the maps to switch between, and what met what."""
        visit = self._visit(token)
        found = self._study(visit)
        _check_version(visit, found.model_version)
        return switch.view(found, visit.sample.text, self.services.tasks[visit.task], language_of(request))

    def weigh(self, token: str, method: str, target: str, against: str, request: gr.Request) -> dict[str, Any]:
        """Return what each modality contributed, and how far one map can be trusted; `against` "" is any other."""
        visit, language = self._visit(token), language_of(request)
        assert visit.prediction is not None
        task = self.services.tasks[visit.task]
        for label in (target, against or target):
            task.check_label(arguments.text(label, "label"))
        asked = Asked(arguments.text(method, "method"), target, against or None)
        found = self._weigh(visit, asked)
        _check_version(visit, found.model_version)
        told = weighing.view(found, task, language, guess=visit.prediction.capped)
        return {
            "html": render.html("weighed", language, view=told),
            "doubted": found.trust.verdict == "no_better",
            "json": to_json(found),
        }

    def what_if(self, token: str, units: list[int], modalities: list[str], request: gr.Request) -> dict[str, Any]:
        """Return the answer without these units of the map, as the page counts them, and without these modalities."""
        visit, language = self._visit(token), language_of(request)
        arguments.listed(units, "units", MOST_UNITS)
        arguments.texts(modalities, "modalities", len(MODALITIES))
        if not all(type(unit) is int for unit in units) or not set(modalities) <= set(MODALITIES):
            raise BadInput("wrong_type", field="what_if", wanted="numbers, modalities", value=[units, modalities])
        found = self.services.what_if(visit.task, visit.sample, frozenset(units), frozenset(modalities))
        assert visit.prediction is not None
        task = self.services.tasks[visit.task]
        return to_json(weighing.otherwise(visit.prediction, found, task, language))

    def alike(self, token: str, request: gr.Request) -> dict[str, Any]:
        """Return what is alike, as HTML: a visitor finds examples and what is indexed."""
        visit = self._visit(token)
        found = self.services.alike(visit.task, visit.sample, alike.LISTED, False)
        return {"html": alike.listed(found, self.services.tasks[visit.task], language_of(request))}

    def _study(self, visit: Visit) -> Study:
        if visit.example is None:
            return self.services.study(visit.task, visit.sample)
        return self.studies.get(visit.sample, lambda: self.services.study(visit.task, visit.sample))

    def _weigh(self, visit: Visit, asked: Asked) -> Weighed:
        known: dict[Asked, Weighed] = self.weighed.get(visit.sample, dict) if visit.example is not None else {}
        if asked not in known:
            known[asked] = self.services.weigh(visit.task, visit.sample, asked)
        return known[asked]

    def _visit(self, token: str) -> Visit:
        visit = self.visits.get(token)
        if visit is None or visit.prediction is None or visit.forgotten:
            raise BadInput("visit_gone")
        return visit


def _check_version(visit: Visit, version: str) -> None:
    """Raise BadInput where a newer model serves by now, which would explain another answer."""
    if visit.prediction is not None and visit.prediction.model_version != version:
        raise BadInput("version_changed")
