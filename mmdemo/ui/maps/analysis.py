"""A closer look at what was answered: other maps, what decided it, whether the map can be trusted, and what if.

Each call goes back to the visit's own forward pass; nothing that it finds is kept, but of the task's own examples.
"""

from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from mmdemo.errors import BadInput
from mmdemo.ui.callers import arguments
from mmdemo.ui.maps import attribution_view, map_choices
from mmdemo.ui.predict import intake
from mmdemo.ui.predict.visits import Visit, Visits
from mmdemo.ui.samples import retrieval
from mmdemo.ui.services import Services
from mmdemo.ui.shell import render
from mmdemo.ui.shell.frame import language_of
from mmdemo.ui.widgets import KINDS, Otherwise
from mmdemo.values.analysis import AttributionReport, ExplanationSet, ForwardPass, MapRequest, TrustVerdict
from mmdemo.values.samples import MODALITIES, to_json

MOST_UNITS = 10_000  # of a map: more than any caption, picture or sound has


@dataclass
class Looks:
    """What closer looks found at one version's answer to an example."""

    model_version: str
    study: ExplanationSet | None = None
    weighed: dict[MapRequest, AttributionReport] = field(default_factory=dict)


@dataclass(frozen=True)
class Looking:
    """What a visitor may ask about an answer that they were given."""

    services: Services
    visits: Visits
    # Task, number of an example → what was found: many look at those without asking for anything.
    examples: dict[tuple[str, int], Looks] = field(default_factory=dict)

    def study(self, token: str, request: gr.Request) -> dict[str, Any]:
        """Return the maps to switch between, and what met what."""
        visit = self._visit(token)
        study = self._study(token, visit)
        return map_choices.view(study, visit.sample.text, self.services.tasks[visit.task], language_of(request))

    def weigh(self, token: str, method: str, target: str, against: str, request: gr.Request) -> dict[str, Any]:
        """Return what each modality contributed, and how far one map can be trusted; `against` "" is any other."""
        visit, language = self._visit(token), language_of(request)
        assert visit.prediction is not None
        task = self.services.tasks[visit.task]
        for label in (target, against or target):
            task.check(arguments.text(label, "label"))
        map_request = MapRequest(arguments.text(method, "method"), target, against or None)
        weighed = self._weigh(token, visit, map_request)
        view = attribution_view.view(weighed, task, language, guess=visit.prediction.capped)
        return {
            "html": render.html("weighed", language, view=view),
            "doubted": weighed.trust.verdict == TrustVerdict.NO_BETTER,
            "json": to_json(weighed),
        }

    def what_if(self, token: str, units: list[int], modalities: list[str], request: gr.Request) -> dict[str, Any]:
        """Return the answer without these units of the map, as the page counts them, and without these modalities."""
        visit, language = self._visit(token), language_of(request)
        arguments.listed(units, "units", MOST_UNITS)
        arguments.texts(modalities, "modalities", len(MODALITIES))
        if not all(type(unit) is int for unit in units) or not set(modalities) <= set(MODALITIES):
            raise BadInput("wrong_type", field="what_if", wanted="numbers, modalities", value=[units, modalities])
        assert visit.prediction is not None
        task = self.services.tasks[visit.task]
        otherwise = KINDS[task.kind].otherwise
        if otherwise is None:
            return to_json(Otherwise({}, {}, ""))
        shares = self.services.what_if(task.name, self._forward(token, visit), frozenset(units), frozenset(modalities))
        return to_json(otherwise(visit.prediction, shares, task, language))

    def alike(self, token: str, request: gr.Request) -> dict[str, Any]:
        """Return what is alike, as HTML: a visitor finds examples and what is indexed."""
        visit = self._visit(token)
        neighbours = self.services.alike(visit.task, self._forward(token, visit), retrieval.LISTED, False)
        return {"html": retrieval.listed(neighbours, self.services.tasks[visit.task], language_of(request))}

    def _study(self, token: str, visit: Visit) -> ExplanationSet:
        looks = self._looks(visit)
        if looks.study is None:
            study = self.services.study(visit.task, self._forward(token, visit))
            _check_version(visit, study.model_version)
            looks.study = study
        return looks.study

    def _weigh(self, token: str, visit: Visit, map_request: MapRequest) -> AttributionReport:
        looks = self._looks(visit)
        if map_request not in looks.weighed:
            weighed = self.services.weigh(visit.task, self._forward(token, visit), map_request)
            _check_version(visit, weighed.model_version)
            looks.weighed[map_request] = weighed
        return looks.weighed[map_request]

    def _looks(self, visit: Visit) -> Looks:
        """Return what was found at an example's answer before; of what a visitor sent, nothing is remembered."""
        assert visit.prediction is not None
        nothing = Looks(visit.prediction.model_version)
        if visit.example is None:
            return nothing
        looks = self.examples.setdefault((visit.task, visit.example), nothing)
        if looks.model_version != nothing.model_version:
            looks = self.examples[visit.task, visit.example] = nothing
        return looks

    def _forward(self, token: str, visit: Visit) -> ForwardPass:
        """Return the forward pass that answered; an answer of an earlier day goes through once more and keeps it."""
        if visit.forward is not None:
            return visit.forward
        forward = self.services.forward(visit.task, intake.inputs_of(visit, self.services.tasks[visit.task]))
        self.visits.change(token, forward=forward)
        return forward

    def _visit(self, token: str) -> Visit:
        visit = self.visits.get(token)
        if visit is None or visit.prediction is None or visit.forgotten:
            raise BadInput("visit_gone")
        return visit


def _check_version(visit: Visit, version: str) -> None:
    """Raise BadInput where a newer model serves by now, which would explain another answer."""
    if visit.prediction is not None and visit.prediction.model_version != version:
        raise BadInput("version_changed")
