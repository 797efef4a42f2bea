"""From one score a fusion token to maps over picture, caption and sound: the way that all methods share."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from mmdemo.explain.words import merge, words
from mmdemo.model import Encoded, MultimodalModel, MultimodalOutput, MultimodalProcessor
from mmdemo.samples import AudioMap, Explanation, ImageMap, Inputs, TextMap, TokenScore


@dataclass(frozen=True)
class Pass:
    """One sample on its way through the model, with all that an explanation may want to look at."""

    model: MultimodalModel
    processor: MultimodalProcessor
    inputs: Inputs
    encoded: Encoded  # of this sample alone
    output: MultimodalOutput  # with attention, where the fusion attends
    target: str  # the label to explain
    against: str | None = None  # the label that it is explained against; None: all others


def explanation(seen: Pass, method: str, scores: Tensor) -> Explanation:
    """Return the maps of `scores` (tokens,), one for each token that went into the fusion."""
    tokens = seen.output.tokens
    assert tokens is not None
    parts = {name: scores[first:last].tolist() for name, (first, last) in tokens.spans.items()}
    return Explanation(
        method,
        seen.target,
        image=_image(parts["image"], tokens.grid) if "image" in parts and tokens.grid else None,
        text=_text(parts["text"], seen) if "text" in parts else None,
        audio=_audio(parts["audio"], seen) if "audio" in parts else None,
    )


def _image(scores: Sequence[float], grid: tuple[int, int]) -> ImageMap:
    rows, columns = grid
    return ImageMap(grid, tuple(tuple(scores[row * columns : (row + 1) * columns]) for row in range(rows)))


def _text(scores: Sequence[float], seen: Pass) -> TextMap:
    caption = seen.inputs.text or ""
    found = merge(seen.encoded.spans[0], scores, words(caption))
    return TextMap(tuple(TokenScore(caption[start:end], start, end, score) for (start, end), score in found))


def _audio(scores: Sequence[float], seen: Pass) -> AudioMap:
    assert seen.inputs.audio is not None
    return AudioMap(seen.processor.audio_edges(len(seen.inputs.audio)), tuple(scores))
