"""A study → what its reader can switch between in the browser, without asking again."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from mmdemo.locale import text
from mmdemo.tasks import Task
from mmdemo.ui.maps import map_views
from mmdemo.values.analysis import ExplanationSet, Interaction
from mmdemo.values.samples import Explanation, to_json


@dataclass(frozen=True)
class MapChoice:
    """One map to choose."""

    method: str
    name: str  # of the method, as the reader calls it
    target: str
    against: str | None
    why: str  # what it explains, as the reader chooses it
    signed: bool
    shares: Sequence[float]  # of each unit
    sentence: Markup


def view(study: ExplanationSet, caption: str, task: Task, language: str) -> dict[str, Any]:
    """Return what the browser needs to switch between the maps of a sample with that caption."""
    return {
        "maps": to_json(tuple(choices(study.maps, caption, task, language))),
        "attended": _attended(study.attended) if study.attended else None,
    }


def choices(maps: Sequence[Explanation], caption: str, task: Task, language: str) -> Iterator[MapChoice]:
    """Yield each map once.

    A method that doesn't tell labels apart has the same for all of them; one about words is another where there are
    none.
    """
    keys: set[tuple[str, str, str | None]] = set()
    for each in maps:
        map_view = map_views.of(each, caption, task, language)
        key = (map_view.method, each.target, each.against) if each.signed else (map_view.method, "", None)
        if key in keys:
            continue
        keys.add(key)
        yield MapChoice(
            method=each.method,
            name=text(f"explain.method_{map_view.method}", language),
            target=each.target,
            against=each.against,
            why=text("explain.why", language, target=map_view.target) if each.signed else text("explain.any", language),
            signed=each.signed,
            shares=map_view.shares,
            sentence=map_view.sentence,
        )


def _attended(interaction: Interaction) -> dict[str, Any]:
    sizes = {"layers": interaction.layers, "heads": interaction.heads, "units": interaction.units}
    return {**sizes, **{name: base64.b64encode(getattr(interaction, name)).decode() for name in ("answer", "met")}}
