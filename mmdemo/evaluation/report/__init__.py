"""A page that shows one evaluation: one file that loads nothing, for the screen, the phone and the printer."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import jinja2

from mmdemo import whole_file
from mmdemo.evaluation.judging import KINDS
from mmdemo.evaluation.report import charts
from mmdemo.evaluation.report.mistakes import Mistake
from mmdemo.evaluation.robustness import MOST_SAMPLES
from mmdemo.tasks import Task
from mmdemo.values.results import Beside, Corrupted, EvaluationResult, Robustness, title
from mmdemo.values.samples import to_json

PAGE = "index.html"
DATA = "figures.json"
HERE = Path(__file__).parent
STYLES = ("report.css", "charts.css")


@dataclass(frozen=True)
class Report:
    """What the page shows."""

    task: Task
    manifest: str  # name of the file
    figures: EvaluationResult
    robustness: Robustness
    mistakes: tuple[Mistake, ...]
    beside: Beside | None = None


def write(folder: Path, report: Report) -> Path:
    """Write index.html and figures.json into `folder` and return the page's path. Raises StorageError."""
    whole_file.write(folder / DATA, json.dumps(data(report), ensure_ascii=False, indent=1) + "\n")
    whole_file.write(folder / PAGE, render(report))
    return folder / PAGE


def data(report: Report) -> dict[str, object]:
    """Return every figure of the page as JSON values; of the worst errors their ids and answers."""
    fields = ("id", "label", "answer", "confidence")
    return {
        **to_json(report.figures),
        "robustness": to_json(report.robustness),
        "worst_errors": [{name: getattr(mistake, name) for name in fields} for mistake in report.mistakes],
        "beside": to_json(report.beside),
    }


def render(report: Report) -> str:
    """Return the page as HTML."""
    figures, kind = report.figures, KINDS[report.task.kind]
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,  # captions and labels show as they are
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        span="{0[0]:.3f} – {0[1]:.3f}".format, signed=_signed, figure="{:.3f}".format, share=_share
    )
    environment.globals.update(charts=charts, title=title, better={"accuracy": 1, **kind.better, "aurc": -1})
    versions = [figures, *([report.beside.figures] if report.beside else [])]
    return environment.get_template(kind.report).render(
        report=report,
        result=figures,
        style="\n".join((HERE / name).read_text("utf-8") for name in STYLES),
        curves=charts.curves([(version.model_version, version.coverage) for version in versions]),
        most=MOST_SAMPLES,
        damage=list(_by_corruption(report.robustness.corrupted)),
    )


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")


def _share(value: float) -> str:
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"


def _by_corruption(corruptions: Iterable[Corrupted]) -> Iterable[tuple[str, list[tuple[str, list[Corrupted]]]]]:
    """Yield each modality with its corruptions, each of those with its grades."""
    for modality, of_one in groupby(corruptions, lambda corrupted: corrupted.modality):
        yield modality, [(name, list(grades)) for name, grades in groupby(of_one, lambda corrupted: corrupted.name)]
