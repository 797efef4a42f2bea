"""Occlusion of the sample itself: each word struck, each cell blurred, each moment muted. The slow referee."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mmdemo.explain.deletion import units, without
from mmdemo.explain.maps import AimedPass, blank
from mmdemo.explain.targets import ExplanationTarget
from mmdemo.samples import Explanation

AT_ONCE = 16  # changed samples that go through the whole model in one batch: what bounds the memory


def occlusion(aimed: AimedPass, targets: Sequence[ExplanationTarget]) -> list[Explanation]:
    """Return, signed, how far the target's log-odds fall without each word, cell and moment: above 0, it speaks for it.

    Zeiler and Fergus 2014 (arXiv 1311.2901), section 4.2, with a blur for the grey square: one pass of the whole model
    for each of them. Scores have no sum that is known beforehand.
    """
    empty = blank(aimed, "occlusion", targets)
    with torch.inference_mode():
        effects = aimed.log_odds(aimed.output, targets) - _without_each(aimed, empty[0], targets)  # (units, targets)
    return [_filled(item, scores) for item, scores in zip(empty, effects.T.tolist(), strict=True)]


def _without_each(aimed: AimedPass, explained: Explanation, targets: Sequence[ExplanationTarget]) -> Tensor:
    """Return log-odds (units, targets): in each row one unit was taken from the sample."""
    changed = [without(aimed.inputs, explained, [unit]) for unit in units(explained)]
    found = [aimed.log_odds(aimed.output, targets)[:0]]  # a caption may have no word that is read
    for first in range(0, len(changed), AT_ONCE):
        batch = aimed.processor(changed[first : first + AT_ONCE]).batch
        found.append(aimed.log_odds(aimed.model(batch), targets))
    return torch.cat(found)


def _filled(empty: Explanation, scores: Sequence[float]) -> Explanation:
    """Return an explanation with its scores replaced, in the order of its units."""
    left = iter(scores)
    image, text, audio = empty.image, empty.text, empty.audio
    return replace(
        empty,
        image=image and replace(image, scores=tuple(tuple(next(left) for _ in row) for row in image.scores)),
        text=text and replace(text, tokens=tuple(replace(token, score=next(left)) for token in text.tokens)),
        audio=audio and replace(audio, scores=tuple(next(left) for _ in audio.scores)),
    )
