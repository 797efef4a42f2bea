"""From one score a fusion token to maps over picture, caption and sound: the way that all methods share.

The units of a caption are its words, in any script: a word is a run of letters, marks and digits with its inner
apostrophes, hyphens and dots, and a leading # or @; where a script sets no spaces (Chinese, Japanese, Thai …) each
character is one; an emoji is one with all that belongs to it; what is left of punctuation goes by runs.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import regex
import torch
from torch import Tensor

from mmdemo.explain.targets import KINDS, ExplanationTarget
from mmdemo.model import Encoded, MultimodalModel, MultimodalOutput, MultimodalProcessor, Tokens
from mmdemo.model.batch import Batch
from mmdemo.model.encoded import EncodedSample, padded, tokens_in_batches
from mmdemo.values.layout import Layout, Word
from mmdemo.values.samples import Explanation, Inputs
from mmdemo.versions.temperature_scaling import UNSCALED, TemperatureScaling

Span = tuple[int, int]  # start and end in characters

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_SIGN = rf"[[\p{{L}}\p{{M}}\p{{N}}_\u200c\u200d]--[{_UNSPACED}]]"
_WORD = regex.compile(
    rf"(?P<emoji>(?=[\p{{Emoji_Presentation}}\p{{Extended_Pictographic}}\p{{Regional_Indicator}}]|[0-9#*]\uFE0F?\u20E3)\X)"
    rf"|(?P<sign>[{_UNSPACED}]\p{{M}}*)"
    rf"|(?P<word>[#@]?{_SIGN}+(?:['’.\-·@&]{_SIGN}+)*)"
    rf"|(?P<rest>(?:(?![#@]{_SIGN})[^\s\p{{L}}\p{{N}}\p{{Extended_Pictographic}}\p{{Regional_Indicator}}])+|\S)",
    regex.V1,
)


@dataclass(frozen=True)
class Measured:
    """What was found out about one pass, and holds whatever is asked of it next."""

    of: MultimodalOutput  # of that pass
    without: dict[frozenset[int], Tensor] = field(default_factory=dict)  # units taken from the input → outputs (k,)
    of_modalities: dict[frozenset[str], Tensor] = field(default_factory=dict)  # those that fusion reads → outputs (k,)
    maps: dict[tuple[str, ExplanationTarget], Explanation] = field(default_factory=dict)  # by method, as it scores


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
    shared: Measured | None = None  # what was found out before; None, or of another output: nothing
    tokens_of: Callable[[Sequence[Inputs]], Sequence[EncodedSample]] | None = None  # may know some; None: the encoders

    @cached_property
    def measured(self) -> Measured:
        """What was found out about this pass so far."""
        return self.shared if self.shared and self.shared.of is self.output else Measured(self.output)

    @property
    def explanation_target(self) -> ExplanationTarget:
        """Why the target, rather than what it is explained against."""
        return ExplanationTarget(self.target, self.against)

    @property
    def tokens(self) -> Tokens:
        """What went into the fusion."""
        assert self.output.tokens is not None
        return self.output.tokens

    def encode(self, copies: Sequence[Inputs]) -> Tokens:
        """Return the fusion's input for copies of the sample, or parts of it; real tokens alone, then padding."""
        if self.tokens_of is not None:
            known = self.tokens_of(copies)
        else:
            known = tokens_in_batches(dict(self.model.encoders.items()), self.processor, copies, self.model.device)
        return self.model.encode(Batch(padded(known)).to(self.model.device))

    @cached_property
    def layout(self) -> Layout:
        """Where the units of the sample stand, whatever explains them."""
        caption, sound = self.inputs.text, self.inputs.audio
        read = words_read(self.encoded.spans[0], caption or "")
        return Layout(
            grid=self.tokens.grid,
            words=None if caption is None else tuple(Word(caption[start:end], start, end) for start, end in read),
            edges_s=None if sound is None else self.processor.audio_edges(len(sound)),
        )

    def log_odds(self, output: MultimodalOutput, targets: Sequence[ExplanationTarget]) -> Tensor:
        """Return (b, targets) of what the model says: how far each target leads, see `targets.TargetKind`."""
        assert output.logits is not None
        return KINDS[self.model.config.kind].log_odds(output.logits, self.model.config.labels, targets)


def maps_once(
    method: str,
    find: Callable[[AimedPass, Sequence[ExplanationTarget]], list[Explanation]],
    aimed: AimedPass,
    targets: Sequence[ExplanationTarget],
) -> list[Explanation]:
    """Return a method's map for each target; `find` makes those that were not asked for before."""
    maps = aimed.measured.maps
    new = [target for target in dict.fromkeys(targets) if (method, target) not in maps]
    if new:
        maps.update(zip([(method, target) for target in new], find(aimed, new), strict=True))
    return [maps[method, target] for target in targets]


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
    return unit_explanations(aimed, method, targets, [_of_units(aimed, row) for row in scores], signed)


def unit_explanations(
    aimed: AimedPass, method: str, targets: Sequence[ExplanationTarget], scores: Sequence[Sequence[float]], signed: bool
) -> list[Explanation]:
    """Return a map for each target, of `scores` (targets, units)."""
    pairs = zip(targets, scores, strict=True)
    return [aimed.layout.explanation(method, target.value, row, target.against, signed) for target, row in pairs]


def shares(scores: Tensor) -> Tensor:
    """Return scores (…, tokens) divided so that their magnitudes sum to 1; where all are 0 they stay."""
    return scores / scores.abs().sum(dim=-1, keepdim=True).clamp_min(torch.finfo(scores.dtype).tiny)


def membership(aimed: AimedPass) -> Tensor:
    """Return how much of each token (units, tokens) belongs to each unit; padding and marks belong to none."""
    tokens, layout = aimed.tokens, aimed.layout
    member = torch.zeros(len(layout), tokens.mask.shape[1], device=tokens.mask.device)
    for modality, units in layout.units.items():
        first, last = tokens.spans[modality]
        member[units.start : units.stop, first:last] = _of_words(aimed) if modality == "text" else torch.eye(len(units))
    return member * tokens.mask[0]


def _of_units(aimed: AimedPass, scores: Tensor) -> list[float]:
    """Return the score of each unit, of scores (tokens,): a region's or a moment's token is its own."""
    of_units: list[float] = []
    for modality in aimed.layout.units:
        first, last = aimed.tokens.spans[modality]
        of_tokens = scores[first:last].tolist()
        of_units += merge(aimed.encoded.spans[0], of_tokens, _spans(aimed)) if modality == "text" else of_tokens
    return of_units


def _of_words(aimed: AimedPass) -> Tensor:
    """Return how much of each piece (words, pieces) belongs to each word."""
    pieces, read = aimed.encoded.spans[0], _spans(aimed)
    owners = [shared(piece, read) for piece in pieces]
    return torch.tensor([[word.get(span, 0.0) for word in owners] for span in read]).reshape(len(read), len(pieces))


def _spans(aimed: AimedPass) -> list[Span]:
    return [(word.start, word.end) for word in aimed.layout.words or ()]


def words(caption: str) -> list[Span]:
    """Return where the words of a caption stand, in order; only white space lies between and outside of them."""
    return [match.span() for match in _WORD.finditer(caption)]


def words_read(pieces: Sequence[Span], caption: str) -> list[Span]:
    """Return the words that have a piece, in order; the others lie behind the end of what the model reads."""
    written = words(caption)
    return sorted({word for piece in pieces for word in shared(piece, written)})


def merge(pieces: Sequence[Span], scores: Sequence[float], read: Sequence[Span]) -> list[float]:
    """Return for each word that was read the sum of its pieces' scores."""
    totals = dict.fromkeys(read, 0.0)
    for piece, score in zip(pieces, scores, strict=True):
        for word, share in shared(piece, read).items():
            totals[word] += score * share
    return list(totals.values())


def shared(piece: Span, spans: Sequence[Span]) -> dict[Span, float]:
    """Return the words that a piece covers, with the share of it that is each one's by its characters."""
    start, end = piece
    covered = {word: min(end, word[1]) - max(start, word[0]) for word in spans if word[0] < end and start < word[1]}
    return {word: characters / sum(covered.values()) for word, characters in covered.items()}
