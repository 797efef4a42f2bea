"""Erasure: what the answer loses by each word struck from the caption itself; the rest has its relevance."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mmdemo.explain.judges import InputPerturber
from mmdemo.explain.maps import AimedPass
from mmdemo.explain.relevance import relevance
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.samples import Explanation, TextMap

PIECES = 140  # word pieces in all copies of the caption together: what bounds the time
AT_ONCE = 16  # copies in one batch: what bounds the memory


def erasure(aimed: AimedPass, targets: Sequence[ExplanationTarget], pieces: int = PIECES) -> list[Explanation]:
    """Return, signed, what the target's log-odds lose: above 0, it speaks for the target.

    A word has what they lose where it is struck from the caption, and the rest of the sample stays: Li, Monroe and
    Jurafsky 2016 (arXiv 1612.08220), equation 1, less its division by the whole. Of a long caption the most relevant
    words are struck, and the others keep their relevance on the same scale. Regions and moments have their relevance
    (relevance.py): each modality is on a scale of its own, and `completeness` makes one of them. Picture and sound are
    not encoded again.
    """
    relevant = relevance(aimed, targets)
    chosen = [_most_relevant(item.text, _copies(aimed, pieces)) for item in relevant]  # places of words, by target
    places = sorted(set().union(*chosen))
    with torch.inference_mode():
        copies = _without_each(aimed, relevant[0], places, targets)  # (places, targets)
        lost = (aimed.log_odds(aimed.output, targets) - copies).T.tolist()
    maps = []
    for item, mine, values in zip(relevant, chosen, lost, strict=True):
        of_words = {place: value for place, value in zip(places, values, strict=True) if place in mine}
        maps.append(replace(item, method="erasure", text=item.text and _measured(item.text, of_words)))
    return maps


def _copies(aimed: AimedPass, pieces: int) -> int:
    """Return how many words of the caption are struck at most, each in a copy of its own."""
    first, last = aimed.tokens.spans.get("text", (0, 0))
    return max(1, pieces // max(1, int(aimed.tokens.mask[0, first:last].sum())))


def _most_relevant(text: TextMap | None, count: int) -> set[int]:
    """Return the places of so many words; of even ones the first."""
    words = text.tokens if text else ()
    return set(sorted(range(len(words)), key=lambda place: -abs(words[place].score))[:count])


def _without_each(
    aimed: AimedPass, explained: Explanation, places: Sequence[int], targets: Sequence[ExplanationTarget]
) -> Tensor:
    """Return log-odds (places, targets): in each row one of the words was struck from the caption."""
    judge = InputPerturber(aimed, explained)
    groups = [frozenset({("text", place)}) for place in places]
    found = [aimed.log_odds(aimed.output, targets)[:0]]  # a caption may have no word that is read
    for start in range(0, len(groups), AT_ONCE):
        tokens = judge.tokens(groups[start : start + AT_ONCE])
        found.append(aimed.log_odds(aimed.model.fuse(tokens), targets))
    return torch.cat(found)


def _measured(text: TextMap, lost: Mapping[int, float]) -> TextMap:
    """Return the words with what was lost without them, and the others with their relevance on the same scale."""
    scale = _ratio(sum(map(abs, lost.values())), [text.tokens[place].score for place in lost])
    scores = [lost.get(place, token.score * scale) for place, token in enumerate(text.tokens)]
    return TextMap(tuple(replace(token, score=score) for token, score in zip(text.tokens, scores, strict=True)))


def _ratio(total: float, scores: Sequence[float]) -> float:
    magnitude = sum(map(abs, scores))
    return total / magnitude if magnitude > 0 else 0.0
