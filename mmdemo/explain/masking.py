"""Masking: what the answer loses where the fusion is not shown a token. A measured effect, without any gradient."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmdemo.explain.maps import Pass, explanations
from mmdemo.explain.question import Question
from mmdemo.samples import Explanation

AT_ONCE = 32  # copies of a sample that the fusion reads in one batch: what bounds the memory


def masking(seen: Pass, questions: Sequence[Question]) -> list[Explanation]:
    """Return, signed, how far the target's log-odds fall without each token: above 0, the token speaks for it.

    Li, Monroe and Jurafsky 2016 (arXiv 1612.08220), equation 1, less its division by the whole: the sample is encoded
    once, and each token is left out at the fusion's input. Scores have no sum that is known beforehand.
    """
    real = seen.tokens.mask[0].nonzero()[:, 0]  # (real tokens,)
    with torch.inference_mode():
        effects = seen.log_odds(seen.output, questions) - _without_each(seen, real, questions)  # (real, questions)
        scores = effects.new_zeros(len(questions), seen.tokens.mask.shape[1])
        scores[:, real] = effects.T
    return explanations(seen, "masking", questions, scores, signed=True)


def _without_each(seen: Pass, real: Tensor, questions: Sequence[Question]) -> Tensor:
    """Return log-odds (real tokens, questions): in each row one of the tokens was hidden."""
    masks = seen.tokens.mask.repeat(len(real), 1)  # (real tokens, tokens)
    masks[torch.arange(len(real)), real] = False
    found = []
    for mask in masks.split(AT_ONCE):
        found.append(seen.log_odds(seen.model.fuse(seen.tokens.masked(mask)), questions))
    return torch.cat(found)
