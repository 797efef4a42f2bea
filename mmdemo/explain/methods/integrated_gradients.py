"""Integrated gradients over the fusion's input tokens."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mmdemo.explain.maps import AimedPass, explanations, gradients
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.samples import Explanation

STEPS = 50  # of the way: the paper finds 20 to 300 enough (section 5)
AT_ONCE = 25  # steps in one batch: what bounds the memory


def integrated_gradients(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> list[Explanation]:
    """Return signed scores that sum, but for the steps, to the target's log-odds less those of tokens without content.

    Sundararajan, Taly and Yan 2017 (arXiv 1703.01365), equation 1 and, for the sum, proposition 1; by Captum, with
    the steps of a Gauss-Legendre quadrature. The way begins at tokens that say nothing but their kind and place (from
    zeros it would all lie in its first step: the fusion normalises a token, and so sees no length). A token's score is
    the sum over its features.
    """
    from captum.attr import IntegratedGradients

    with gradients(aimed) as tokens:

        def odds(values: Tensor) -> Tensor:  # (steps, tokens, d) → (steps, targets)
            mask = tokens.mask.expand(len(values), -1)
            return aimed.log_odds(aimed.model.fuse(replace(tokens, values=values, mask=mask)), targets)

        integral = IntegratedGradients(odds)
        way = {"inputs": tokens.values.detach(), "baselines": aimed.model.empty(tokens).detach(), "n_steps": STEPS}
        attributions = [
            integral.attribute(**way, target=number, internal_batch_size=AT_ONCE) for number in range(len(targets))
        ]
    scores = torch.cat(attributions).sum(dim=-1)  # (targets, tokens)
    return explanations(aimed, "integrated_gradients", targets, scores, signed=True)
