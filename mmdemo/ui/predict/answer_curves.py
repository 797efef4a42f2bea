"""How far the confidence of an answer can be believed: the curves of its version, where a visitor asks for them."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mmdemo import curves
from mmdemo.errors import BadInput
from mmdemo.locale import text
from mmdemo.ui.models import curve_plot
from mmdemo.ui.models.curve_plot import CurveDrawing
from mmdemo.ui.predict.visits import Visits
from mmdemo.ui.services import Services
from mmdemo.ui.shell import render
from mmdemo.ui.shell.frame import language_of
from mmdemo.values.history import MeasuredCurves


@dataclass(frozen=True)
class CurvePanel:
    """What is shown under an answer."""

    drawings: tuple[CurveDrawing, ...]  # none where nobody measured the version
    sentence: str  # of what they are, or that there are none


def view(measured: MeasuredCurves | None, version: str, language: str) -> CurvePanel:
    """Return the curves of a version with what they were measured on."""
    if measured is None:
        return CurvePanel((), text("predict.curves_none", language, version=version, fewest=curves.FEWEST))
    about = {"count": measured.count, "manifest": measured.manifest, "version": version}
    sentences = (text(f"predict.curves_{key}", language, **about) for key in (measured.measured_on, "intervals"))
    return CurvePanel(curve_plot.drawings((measured.curves,), language), " ".join(sentences))


@dataclass(frozen=True)
class Believing:
    """Shows the curves of the version that answered a visit. No model is asked."""

    services: Services
    visits: Visits

    def curves(self, token: str, request: gr.Request) -> dict[str, Any]:
        """Return the panel under the answer of this token. Raises BadInput where there is no answer any more."""
        visit, language = self.visits.get(token), language_of(request)
        if visit is None or visit.prediction is None or visit.forgotten:
            raise BadInput("visit_gone")
        version = visit.prediction.model_version
        panel = view(self.services.curves(visit.task, version), version, language)
        return {"html": render.html("answer_curves", language, view=panel)}
