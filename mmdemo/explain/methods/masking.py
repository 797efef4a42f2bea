"""Masking: what the answer loses where the fusion is not shown a token. A measured effect, without any gradient."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdemo.explain.maps import AimedPass, explanations
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.values.samples import Explanation

AT_ONCE = 32  # copies of a sample that the fusion reads in one batch: what bounds the memory


def masking(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> list[Explanation]:
    """Return, signed, how far the target's log-odds fall without each token: above 0, the token speaks for it.

    Li, Monroe and Jurafsky 2016 (arXiv 1612.08220), equation 1, less its division by the whole: the sample is encoded
    once, and each token is left out at the fusion's input. Scores have no sum that is known beforehand.
    """
    real = aimed.tokens.mask[0].nonzero()[:, 0]  # (real tokens,)
    with torch.inference_mode():
        effects = aimed.log_odds(aimed.output, targets) - _without_each(aimed, real, targets)  # (real, targets)
        scores = effects.new_zeros(len(targets), aimed.tokens.mask.shape[1])
        scores[:, real] = effects.T
    return explanations(aimed, "masking", targets, scores, signed=True)


def _without_each(aimed: AimedPass, real: Tensor, targets: Sequence[ExplanationTarget]) -> Tensor:
    """Return log-odds (real tokens, targets): in each row one of the tokens was hidden."""
    masks = aimed.tokens.mask.repeat(len(real), 1)  # (real tokens, tokens)
    masks[torch.arange(len(real)), real] = False
    log_odds = []
    for mask in masks.split(AT_ONCE):
        log_odds.append(aimed.log_odds(aimed.model.fuse(aimed.tokens.masked(mask)), targets))
    return torch.cat(log_odds)
