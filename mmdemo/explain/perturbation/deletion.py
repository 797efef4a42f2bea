"""Copies of a sample from which something was taken: words struck, cells of the picture blurred, moments muted.

The input itself is changed, not what the model made of it: a token of a convolutional encoder sees more than its cell.
Units of all modalities can be taken in one order, since a layout counts them in one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import scipy  # whose parts load when they are first asked for
from PIL import Image, ImageFilter

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.values.layout import Layout
from mmdemo.values.samples import Inputs

SHARES = (0, 25, 50, 75, 80, 85, 90, 95, 100)  # per cent of the units that are taken, step by step
BLUR_PX = 64  # side of the square that is blurred: nothing finer would outlive the blur
BLUR_RADIUS_PX = 8  # deviation of the Gaussian, an eighth of the side: about a region
FADE_SAMPLES = SAMPLE_RATE_HZ * 5 // 1000  # 5 ms beside what is muted, so that nothing clicks

Span = tuple[int, int]  # start and end in the caption, in characters


def ordered(scores: Sequence[float], draw: np.random.Generator) -> list[int]:
    """Return the units by their scores, highest first; where scores are even, the draw decides."""
    return sorted(draw.permutation(len(scores)).tolist(), key=lambda unit: -scores[unit])


def counts(total: int, shares: Sequence[int] = SHARES) -> list[int]:
    """Return how many of so many units each of the shares is."""
    return [round(total * share / 100) for share in shares]


def without(inputs: Inputs, layout: Layout, units: Collection[int], smooth: np.ndarray | None = None) -> Inputs:
    """Return the sample without some units; what is untouched stays the same object.

    Words behind the last that was read are gone wherever one is struck, else they would move up and be read. Where many
    copies are made, `smooth` is the picture `blurred`.
    """
    taken = {name: [number for number, unit in enumerate(some) if unit in units] for name, some in layout.units.items()}
    if taken.get("text") and layout.words and inputs.text is not None:
        unread = (layout.words[-1].end, len(inputs.text))
        struck = [layout.words[number] for number in taken["text"]]
        inputs = without_words(inputs, [*((word.start, word.end) for word in struck), unread])
    if taken.get("image") and layout.grid and inputs.image is not None:
        inputs = without_cells(inputs, layout.grid, taken["image"], smooth)
    if taken.get("audio") and layout.edges_s and inputs.audio is not None:
        inputs = without_moments(inputs, layout.edges_s, taken["audio"])
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


def without_cells(
    inputs: Inputs, grid: tuple[int, int], cells: Collection[int], smooth: np.ndarray | None = None
) -> Inputs:
    """Return the sample with cells of its picture blurred; `grid` is rows × columns over the whole upright picture.

    Cells are counted in reading order. A picture blurred all over stays a picture.
    """
    assert inputs.image is not None, "a sample without a picture has no cells to blur"
    height, width = inputs.image.shape[:2]
    image, smooth = inputs.image.copy(), blurred(inputs.image) if smooth is None else smooth
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
    heard = scipy.ndimage.minimum_filter1d(heard, FADE_SAMPLES + 1, mode="nearest")
    return replace(inputs, audio=inputs.audio * scipy.ndimage.uniform_filter1d(heard, FADE_SAMPLES + 1, mode="nearest"))


def blurred(image: np.ndarray) -> np.ndarray:
    """Return a picture (height, width, 3) uint8 so blurred that no more than its colours are left, roughly placed."""
    height, width = image.shape[:2]
    small = Image.fromarray(image).resize((BLUR_PX, BLUR_PX), Image.Resampling.BOX)
    smooth = small.filter(ImageFilter.GaussianBlur(BLUR_RADIUS_PX))
    return np.asarray(smooth.resize((width, height), Image.Resampling.BICUBIC))


def _edges(length: int, parts: int) -> list[int]:
    return [round(length * part / parts) for part in range(parts + 1)]
