"""Copies of a sample from which something was taken: words struck, cells of the picture blurred, moments muted.

The input itself is changed, not what the model made of it: a token of a convolutional encoder sees more than its cell.
Units of all modalities stand in one list, so that they can be taken in one order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageFilter
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.samples import Explanation, Inputs

SHARES = (0, 25, 50, 75, 80, 85, 90, 95, 100)  # per cent of the units that are taken, step by step
BLUR_PX = 64  # side of the square that is blurred: nothing finer would outlive the blur
BLUR_RADIUS_PX = 8  # deviation of the Gaussian, an eighth of the side: about a region
FADE_SAMPLES = SAMPLE_RATE_HZ * 5 // 1000  # 5 ms beside what is muted, so that nothing clicks

Span = tuple[int, int]  # start and end in the caption, in characters


@dataclass(frozen=True)
class Unit:
    """What can be taken from a sample: one word, one cell, or one moment."""

    modality: str
    place: int  # among the explanation's words, its cells in reading order, or its moments
    score: float


def units(explained: Explanation) -> tuple[Unit, ...]:
    """Return everything that has a score: cells, words, moments."""
    cells = [score for row in explained.image.scores for score in row] if explained.image else []
    words = [token.score for token in explained.text.tokens] if explained.text else []
    moments = explained.audio.scores if explained.audio else ()
    found = {"image": cells, "text": words, "audio": moments}
    return tuple(Unit(name, place, score) for name, scores in found.items() for place, score in enumerate(scores))


def ordered(found: Sequence[Unit], draw: np.random.Generator) -> tuple[Unit, ...]:
    """Return the units by their scores, highest first; where scores are even, the draw decides."""
    shuffled = [found[place] for place in draw.permutation(len(found))]
    return tuple(sorted(shuffled, key=lambda unit: -unit.score))


def counts(total: int, shares: Sequence[int] = SHARES) -> list[int]:
    """Return how many of so many units each of the shares is."""
    return [round(total * share / 100) for share in shares]


def without(inputs: Inputs, explained: Explanation, taken: Collection[Unit]) -> Inputs:
    """Return the sample without some units of its explanation; what is untouched stays the same object.

    Words behind the last that was read are gone wherever one is struck, else they would move up and be read.
    """
    places = {name: sorted(unit.place for unit in taken if unit.modality == name) for name in inputs.modalities}
    if places.get("text") and explained.text and inputs.text is not None:
        words = explained.text.tokens
        unread = (words[-1].end, len(inputs.text))
        inputs = without_words(inputs, [*((words[place].start, words[place].end) for place in places["text"]), unread])
    if places.get("image") and explained.image:
        inputs = without_cells(inputs, explained.image.grid, places["image"])
    if places.get("audio") and explained.audio:
        inputs = without_moments(inputs, explained.audio.edges_s, places["audio"])
    return inputs


def without_words(inputs: Inputs, spans: Collection[Span]) -> Inputs:
    """Return the sample with these spans struck from its caption and the white space tidied.

    A caption with nothing left is absent; where it was all that the sample had, it is "", whose marks are read.
    """
    assert inputs.text is not None, "a sample without a caption has no words to take"
    struck = {place for span in spans for place in range(*span)}
    kept = "".join("" if place in struck else sign for place, sign in enumerate(inputs.text))
    left = " ".join(kept.split())
    return replace(inputs, text=left if left or inputs.modalities == ("text",) else None)


def without_cells(inputs: Inputs, grid: tuple[int, int], cells: Collection[int]) -> Inputs:
    """Return the sample with cells of its picture blurred; `grid` is rows × columns over the whole upright picture.

    Cells are counted in reading order. A picture blurred all over stays a picture.
    """
    assert inputs.image is not None, "a sample without a picture has no cells to blur"
    height, width = inputs.image.shape[:2]
    image, smooth = inputs.image.copy(), _blurred(inputs.image)
    rows, columns = _edges(height, grid[0]), _edges(width, grid[1])
    for row, column in (divmod(cell, grid[1]) for cell in cells):
        cell = slice(rows[row], rows[row + 1]), slice(columns[column], columns[column + 1])
        image[cell] = smooth[cell]
    return replace(inputs, image=image)


def without_moments(inputs: Inputs, edges_s: Sequence[float], moments: Collection[int]) -> Inputs:
    """Return the sample with its sound muted between edges (seconds): moment i ends where i + 1 begins.

    What is beside fades within FADE_SAMPLES. Sound that is muted all over stays as silence.
    """
    assert inputs.audio is not None, "a sample without sound has no moments to mute"
    edges = [round(edge * SAMPLE_RATE_HZ) for edge in edges_s]
    heard = np.ones(len(inputs.audio), np.float32)
    for moment in moments:
        heard[edges[moment] : edges[moment + 1]] = 0
    # Silence grows by half a fade on each side, and the mean over a fade makes a ramp of its edge.
    heard = minimum_filter1d(heard, FADE_SAMPLES + 1, mode="nearest")
    return replace(inputs, audio=inputs.audio * uniform_filter1d(heard, FADE_SAMPLES + 1, mode="nearest"))


def _blurred(image: np.ndarray) -> np.ndarray:
    """Return a picture (height, width, 3) uint8 so blurred that no more than its colours are left, roughly placed."""
    height, width = image.shape[:2]
    small = Image.fromarray(image).resize((BLUR_PX, BLUR_PX), Image.Resampling.BOX)
    smooth = small.filter(ImageFilter.GaussianBlur(BLUR_RADIUS_PX))
    return np.asarray(smooth.resize((width, height), Image.Resampling.BICUBIC))


def _edges(length: int, parts: int) -> list[int]:
    return [round(length * part / parts) for part in range(parts + 1)]
