"""A page that shows the figures of one evaluation: one file that loads nothing."""

import json
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from mmdemo import sidecar
from mmdemo.figures import Figures, Slice
from mmdemo.samples import to_json

PAGE = "index.html"
DATA = "figures.json"
_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 3rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 0 0 2rem }
th, td { padding: .3rem .8rem; text-align: right; border-bottom: 1px solid #8884 }
th:first-child, td:first-child { text-align: left }
"""


def write(folder: Path, figures: Figures) -> Path:
    """Write index.html and figures.json into `folder` and return the page's path. Raises StorageError."""
    sidecar.replace_file(folder / DATA, json.dumps(to_json(figures), indent=1) + "\n")
    sidecar.replace_file(folder / PAGE, render(figures))
    return folder / PAGE


def render(figures: Figures) -> str:
    """Return the page as HTML."""
    title = f"{figures.task}: {figures.model_version}"
    labels = list(figures.per_class)
    return "\n".join(
        [
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>',
            f"<style>{_STYLE}</style><h1>{escape(title)}</h1>",
            f"<p>{escape(_summary(figures))}</p>",
            "<h2>By source and by what was given</h2>",
            _table(("samples", "n", "accuracy", "macro-F1", "ECE"), _slices(figures)),
            "<h2>By label</h2>",
            _table(("label", "n", "precision", "recall", "F1"), _classes(figures)),
            "<h2>True label (rows) by predicted label</h2>",
            _table(("", *labels), [(n, *map(str, row)) for n, row in zip(labels, figures.confusion, strict=True)]),
            "</html>\n",
        ]
    )


def _summary(figures: Figures) -> str:
    low, high = figures.intervals["accuracy"]
    return (
        f"{figures.n} samples judged, {figures.refused} refused. Accuracy {figures.accuracy:.3f} (95 % interval "
        f"{low:.3f} to {high:.3f}). Calibration error {figures.ece:.3f}; a perfectly honest model would show "
        f"{figures.ece_floor:.3f}. Asks a person: {figures.flagged_share:.1%}; wrong among the other answers: "
        f"{figures.error_unflagged:.1%}."
    )


def _slices(figures: Figures) -> list[tuple[str, ...]]:
    named: dict[str, Slice | Figures] = {"all": figures, **figures.by_group, **figures.by_modalities}
    return [
        (name, str(part.n), *(f"{value:.3f}" for value in (part.accuracy, part.macro_f1, part.ece)))
        for name, part in named.items()
    ]


def _classes(figures: Figures) -> list[tuple[str, ...]]:
    return [
        (name, str(found.n), *(f"{value:.3f}" for value in (found.precision, found.recall, found.f1)))
        for name, found in figures.per_class.items()
    ]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["".join(f"<th>{escape(cell)}</th>" for cell in head)]
    lines += ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
