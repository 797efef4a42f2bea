"""Erasure: what the answer loses by each word struck from the caption itself; the rest has its relevance."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmdemo.explain.maps import AimedPass, maps_once, unit_explanations
from mmdemo.explain.methods.relevance import relevance
from mmdemo.explain.perturbation.perturbers import InputPerturber
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.model import MultimodalOutput
from mmdemo.values.layout import scores_of
from mmdemo.values.samples import Explanation

PIECES = 140  # word pieces in all copies of the caption together: what bounds the time


def erasure(aimed: AimedPass, targets: Sequence[ExplanationTarget], pieces: int = PIECES) -> list[Explanation]:
    """Return, signed, what the target's log-odds lose: above 0, it speaks for the target.

    A word has what they lose where it is struck from the caption, and the rest of the sample stays: Li, Monroe and
    Jurafsky 2016 (arXiv 1612.08220), equation 1, less its division by the whole. Of a long caption the most relevant
    words are struck, and the others keep their relevance on the same scale. Regions and moments have their relevance
    (relevance.py): each modality is on a scale of its own, and `completeness` makes one of them. Picture and sound are
    not encoded again.
    """
    words = aimed.layout.units.get("text", range(0))
    relevant = [scores_of(item) for item in maps_once("relevance", relevance, aimed, targets)]
    chosen = [_most_relevant(words, scores, _copies(aimed, pieces)) for scores in relevant]  # words, by target
    struck = sorted(set().union(*chosen))
    with torch.inference_mode():
        copies = _without_each(aimed, struck, targets)  # (struck, targets)
        lost = (aimed.log_odds(aimed.output, targets) - copies).T.tolist()
    erased = []
    for scores, own, values in zip(relevant, chosen, lost, strict=True):
        of_words = {word: value for word, value in zip(struck, values, strict=True) if word in own}
        erased.append(_measured(words, scores, of_words))
    return unit_explanations(aimed, "erasure", targets, erased, signed=True)


def _copies(aimed: AimedPass, pieces: int) -> int:
    """Return how many words of the caption are struck at most, each in a copy of its own."""
    first, last = aimed.tokens.spans.get("text", (0, 0))
    return max(1, pieces // max(1, int(aimed.tokens.mask[0, first:last].sum())))


def _most_relevant(words: range, scores: Sequence[float], count: int) -> set[int]:
    """Return so many of the words, which are units with these scores; of even ones the first."""
    return set(sorted(words, key=lambda word: -abs(scores[word]))[:count])


def _without_each(aimed: AimedPass, words: Sequence[int], targets: Sequence[ExplanationTarget]) -> Tensor:
    """Return log-odds (words, targets): in each row one of the words was struck from the caption."""
    return aimed.log_odds(MultimodalOutput(logits=InputPerturber(aimed).outputs([{word} for word in words])), targets)


def _measured(words: range, scores: Sequence[float], lost: Mapping[int, float]) -> list[float]:
    """Return the scores with what was lost without a word, and the other words' relevance on the same scale."""
    scale = _ratio(sum(map(abs, lost.values())), [scores[word] for word in lost])
    return [lost.get(unit, score * scale) if unit in words else score for unit, score in enumerate(scores)]


def _ratio(total: float, scores: Sequence[float]) -> float:
    magnitude = sum(map(abs, scores))
    return total / magnitude if magnitude > 0 else 0.0
