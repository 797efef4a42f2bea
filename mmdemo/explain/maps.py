"""From one score a fusion token to maps over picture, caption and sound: the way that all methods share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mmdemo.explain.targets import KINDS, ExplanationTarget
from mmdemo.explain.words import merge, words
from mmdemo.model import Encoded, MultimodalModel, MultimodalOutput, MultimodalProcessor, Tokens
from mmdemo.samples import AudioMap, Explanation, ImageMap, Inputs, TextMap, TokenScore
from mmdemo.scaling import UNSCALED, TemperatureScaling


@dataclass(frozen=True)
class AimedPass:
    """One sample on its way through the model, with all that an explanation may want to look at."""

    model: MultimodalModel
    processor: MultimodalProcessor
    inputs: Inputs
    encoded: Encoded  # of this sample alone
    output: MultimodalOutput  # with attention, where the fusion attends
    target: str  # the value to explain
    against: str | None = None  # the value that it is explained against; None: all others
    scaling: TemperatureScaling = (
        UNSCALED  # the version's for the sample's modalities: from logits to those that are served
    )

    @property
    def explanation_target(self) -> ExplanationTarget:
        """Why the target, rather than what it is explained against."""
        return ExplanationTarget(self.target, self.against)

    @property
    def tokens(self) -> Tokens:
        """What went into the fusion."""
        assert self.output.tokens is not None
        return self.output.tokens

    def log_odds(self, output: MultimodalOutput, targets: Sequence[ExplanationTarget]) -> Tensor:
        """Return (b, targets) of what the model says: how far each target leads, see `targets.TargetKind`."""
        assert output.logits is not None
        return KINDS[self.model.config.kind].log_odds(output.logits, self.model.config.labels, targets)


@contextmanager
def gradients(aimed: AimedPass) -> Iterator[Tokens]:
    """Lend the fusion's input as copies that gradients reach, cut off from the encoders.

    What inference mode made is barred from gradients for good. Ask `torch.autograd.grad` for them: `backward` would
    leave some on the weights, which other threads answer with.
    """
    with torch.inference_mode(False), torch.enable_grad():
        tokens = aimed.tokens
        yield replace(tokens, values=tokens.values.clone().requires_grad_(), mask=tokens.mask.clone())


def explanations(
    aimed: AimedPass, method: str, targets: Sequence[ExplanationTarget], scores: Tensor, signed: bool
) -> list[Explanation]:
    """Return a map for each target, of `scores` (targets, tokens): one for each token that went into the fusion."""
    return [_explanation(aimed, method, *asked, signed) for asked in zip(targets, scores, strict=True)]


def blank(aimed: AimedPass, method: str, targets: Sequence[ExplanationTarget]) -> list[Explanation]:
    """Return maps that say where everything stands and give it 0."""
    nothing = aimed.tokens.values.new_zeros(len(targets), aimed.tokens.values.shape[1])
    return explanations(aimed, method, targets, nothing, signed=True)


def shares(scores: Tensor) -> Tensor:
    """Return scores (…, tokens) divided so that their magnitudes sum to 1; where all are 0 they stay."""
    return scores / scores.abs().sum(dim=-1, keepdim=True).clamp_min(torch.finfo(scores.dtype).tiny)


def _explanation(aimed: AimedPass, method: str, target: ExplanationTarget, scores: Tensor, signed: bool) -> Explanation:
    parts = {name: scores[first:last].tolist() for name, (first, last) in aimed.tokens.spans.items()}
    return Explanation(
        method,
        target.value,
        image=_image(parts["image"], aimed.tokens.grid) if "image" in parts and aimed.tokens.grid else None,
        text=_text(parts["text"], aimed) if "text" in parts else None,
        audio=_audio(parts["audio"], aimed) if "audio" in parts else None,
        against=target.against,
        signed=signed,
    )


def _image(scores: Sequence[float], grid: tuple[int, int]) -> ImageMap:
    rows, columns = grid
    return ImageMap(grid, tuple(tuple(scores[row * columns : (row + 1) * columns]) for row in range(rows)))


def _text(scores: Sequence[float], aimed: AimedPass) -> TextMap:
    caption = aimed.inputs.text or ""
    found = merge(aimed.encoded.spans[0], scores, words(caption))
    return TextMap(tuple(TokenScore(caption[start:end], start, end, score) for (start, end), score in found))


def _audio(scores: Sequence[float], aimed: AimedPass) -> AudioMap:
    assert aimed.inputs.audio is not None
    return AudioMap(aimed.processor.audio_edges(len(aimed.inputs.audio)), tuple(scores))
