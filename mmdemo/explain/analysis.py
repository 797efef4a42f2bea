"""A closer look at one pass: its other maps, what decided it, and what is left of its sample in a what-if."""

import itertools
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from mmdemo import explain
from mmdemo.errors import BadInput
from mmdemo.explain.interaction import interaction
from mmdemo.explain.maps import AimedPass
from mmdemo.explain.perturbation import deletion
from mmdemo.explain.perturbation.trust import trust
from mmdemo.explain.shapley import contributions
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.analysis import AttributionReport, ExplanationSet, MapRequest
from mmdemo.values.samples import Inputs


def maps_for(aimed: AimedPass, version: str) -> ExplanationSet:
    """Return the maps that cost about as much as an answer, and what met what."""
    maps = explain.every(aimed, _targets(aimed))
    return ExplanationSet(version, tuple(itertools.chain.from_iterable(maps.values())), interaction(aimed))


def attribute_and_test(aimed: AimedPass, map_request: MapRequest, version: str) -> AttributionReport:
    """Return what each modality contributed, and how far the map that is asked for can be trusted.

    Raises UnknownName.
    """
    method = explain.resolve(map_request.method, aimed.model) or explain.DEFAULT
    aimed = replace(aimed, target=map_request.target, against=map_request.against)
    return AttributionReport(version, contributions(aimed), trust(aimed, explain.explain(method, aimed)))


def without_units(aimed: AimedPass, units: Collection[int], modalities: Collection[str]) -> Inputs:
    """Return the sample without some units of its maps, counted as its layout does, and some modalities.

    Raises BadInput for a unit that isn't there, and where nothing is left.
    """
    count = len(aimed.layout)
    for unit in units:
        if not 0 <= unit < count:
            raise BadInput("unknown_unit", number=unit, count=count)
    absent: dict[str, Any] = dict.fromkeys(modalities)
    rest = replace(deletion.without(aimed.inputs, aimed.layout, units), **absent)
    if not rest.modalities:
        raise BadInput("nothing_left")
    return rest


def _targets(aimed: AimedPass) -> list[ExplanationTarget]:
    """Why this answer, and where others can be listed: why it rather than each of those, and why each."""
    others = [label for label in aimed.model.config.labels if label != aimed.target]
    rather = [ExplanationTarget(aimed.target, other) for other in others] if len(others) > 1 else []
    return [ExplanationTarget(aimed.target), *rather, *map(ExplanationTarget, others)]
