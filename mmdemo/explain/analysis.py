"""A closer look at one pass: its other maps, what met what, what decided it, and what is left of it in a what-if."""

import itertools
from collections.abc import Collection
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mmdemo import explain
from mmdemo.errors import BadInput
from mmdemo.explain.maps import AimedPass, membership
from mmdemo.explain.perturbation import deletion
from mmdemo.explain.perturbation.trust import trust
from mmdemo.explain.shapley import contributions
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.analysis import AttributionReport, ExplanationSet, Interaction, MapRequest
from mmdemo.values.samples import Inputs

STEPS = 255  # of a weight's square root


def interaction(aimed: AimedPass) -> Interaction | None:
    """Return how much each two units met, and how much the answer looked at each; None for a fusion without attention.

    Units are counted as the sample's layout does. What a unit of several tokens looks at is the mean over its tokens,
    what it is looked at their sum; two units met by the mean of both directions.
    """
    if aimed.output.attention is None:
        return None
    attention = torch.stack(aimed.output.attention)[:, 0]  # (layers, heads, 1 or 1 + tokens, 1 + tokens)
    member = membership(aimed)
    answer = attention[:, :, 0, 1:] @ member.T  # (layers, heads, units)
    met = met_of(attention[:, :, 1:, 1:], member) if attention.shape[-2] > 1 else torch.zeros(0)
    return Interaction(
        layers=answer.shape[0],
        heads=answer.shape[1],
        units=answer.shape[2],
        answer=_bytes(answer),
        met=_bytes(met) if met.any() else b"",
    )


def met_of(attention: Tensor, member: Tensor) -> Tensor:
    """Return how much units met (…, units, units), the same both ways.

    attention (…, tokens, tokens): rows look at columns; member (units, tokens): how much of each token is a unit's.
    """
    mean = member / member.sum(dim=1, keepdim=True).clamp_min(torch.finfo(member.dtype).tiny)
    looked = mean @ attention @ member.T  # (…, units, units)
    return (looked + looked.transpose(-1, -2)) / 2


def _bytes(weights: Tensor) -> bytes:
    return (weights.clamp(0, 1).sqrt() * STEPS).round().to(torch.uint8).numpy().tobytes()


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
