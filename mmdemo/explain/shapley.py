"""How much picture, caption and sound each contributed to the answer: exact Shapley values over the present modalities.

Shapley 1953, "A value for n-person games": a modality's value is what it adds to the probability, averaged over all
orders in which the modalities may come in. At most 2³ coalitions, judged on tokens that are encoded.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import factorial

import torch
from torch import Tensor

from mmdemo.explain.maps import AimedPass
from mmdemo.explain.perturbation.perturbers import probability
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.analysis import Contributions

Coalition = frozenset[str]  # the modalities that the fusion sees


def contributions(aimed: AimedPass) -> Contributions:
    """Return the exact Shapley values of the sample's modalities for what `aimed` is aimed at.

    The empty coalition is what the fusion says with every token masked: an answer token that looks at itself alone, or
    means of nothing. So it is the model's own starting point and needs no data.
    """
    return each_contributions(aimed, [aimed.explanation_target])[0]


def each_contributions(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> list[Contributions]:
    """Return the Shapley values for each target, of the same passes of the fusion."""
    names = tuple(aimed.tokens.spans)
    worths = _worths(aimed, coalitions(names), targets)
    return [
        Contributions(target.value, shapley(names, worth), worth[frozenset()], worth[frozenset(names)], target.against)
        for target, worth in zip(targets, worths, strict=True)
    ]


def shapley(players: Sequence[str], worth: dict[Coalition, float]) -> dict[str, float]:
    """Return the Shapley value of each player of a game that is known for every coalition."""
    n = len(players)
    values = dict.fromkeys(players, 0.0)
    for player in players:
        for others in coalitions([name for name in players if name != player]):
            share = factorial(len(others)) * factorial(n - len(others) - 1) / factorial(n)
            values[player] += share * (worth[others | {player}] - worth[others])
    return values


def coalitions(players: Sequence[str]) -> list[Coalition]:
    """Return every subset, the empty one first."""
    return [frozenset(chosen) for size in range(len(players) + 1) for chosen in combinations(players, size)]


def _worths(
    aimed: AimedPass, wanted: Sequence[Coalition], targets: Sequence[ExplanationTarget]
) -> list[dict[Coalition, float]]:
    """Return, for each target, the probability where the fusion sees the tokens of each coalition alone."""
    outputs = aimed.measured.of_modalities
    if new := [coalition for coalition in wanted if coalition not in outputs]:
        outputs.update((coalition, _output(aimed, coalition)) for coalition in new)
    probabilities = probability(aimed, torch.stack([outputs[coalition] for coalition in wanted]), targets)
    return [dict(zip(wanted, column, strict=True)) for column in probabilities.T.tolist()]


@torch.inference_mode()
def _output(aimed: AimedPass, coalition: Coalition) -> Tensor:
    """Return the head's outputs (k,) where the fusion sees the tokens of a coalition alone: of all they are known."""
    whole = coalition == set(aimed.tokens.spans)
    logits = (aimed.output if whole else aimed.model.fuse(aimed.tokens.only(coalition))).logits
    assert logits is not None
    return logits[0]
