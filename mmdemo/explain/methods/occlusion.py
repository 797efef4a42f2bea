"""Occlusion of the sample itself: each word struck, each cell blurred, each moment muted. The slow referee."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdemo.explain.maps import AimedPass, unit_explanations
from mmdemo.explain.perturbation.deletion import without
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.samples import Explanation

AT_ONCE = 16  # changed samples that go through the whole model in one batch: what bounds the memory


def occlusion(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> list[Explanation]:
    """Return, signed, how far the target's log-odds fall without each word, cell and moment: above 0, it speaks for it.

    Zeiler and Fergus 2014 (arXiv 1311.2901), section 4.2, with a blur for the grey square: one pass of the whole model
    for each of them. Scores have no sum that is known beforehand.
    """
    with torch.inference_mode():
        effects = aimed.log_odds(aimed.output, targets) - _without_each(aimed, targets)  # (units, targets)
    return unit_explanations(aimed, "occlusion", targets, effects.T.tolist(), signed=True)


def _without_each(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> Tensor:
    """Return log-odds (units, targets): in each row one unit was taken from the sample."""
    changed = [without(aimed.inputs, aimed.layout, [unit]) for unit in range(len(aimed.layout))]
    log_odds = [aimed.log_odds(aimed.output, targets)[:0]]  # a caption may have no word that is read
    for first in range(0, len(changed), AT_ONCE):
        tokens = aimed.encode(changed[first : first + AT_ONCE])
        log_odds.append(aimed.log_odds(aimed.model.fuse(tokens), targets))
    return torch.cat(log_odds)
