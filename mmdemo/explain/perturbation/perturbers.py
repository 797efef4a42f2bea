"""What the model says of one sample when units are taken from it: from the input itself, or at the fusion's door.

Both answer for many groups of units in few batches, and for the same group once. Letters of the shapes: g groups of
units, n tokens, d width of a token.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmdemo.explain.maps import AimedPass, membership
from mmdemo.explain.perturbation import deletion
from mmdemo.explain.targets import KINDS, ExplanationTarget
from mmdemo.model import Tokens
from mmdemo.values.samples import Inputs

BATCH = 16  # copies of a sample that are judged at once: more are no faster, and fill the memory
READ = 64  # … that are made ready at once: encoders have more to choose from that goes together

# Groups of units, each taken by itself → the probability (g,) of what is explained.
Judge = Callable[[Sequence[Collection[int]]], np.ndarray]


class _Batched:
    """Asks about each group once, in batches."""

    def __init__(self, aimed: AimedPass, known: dict[frozenset[int], Tensor]) -> None:
        self.aimed = aimed
        self._known = known

    def __call__(self, taken: Sequence[Collection[int]]) -> np.ndarray:
        """Return the probability (g,) float64 of what is explained without each group of units."""
        return probability(self.aimed, self.outputs(taken), [self.aimed.explanation_target])[:, 0].numpy()

    @torch.inference_mode()
    def outputs(self, taken: Sequence[Collection[int]]) -> Tensor:
        """Return the head's outputs (g, k) without each group of units."""
        groups = [frozenset(group) for group in taken]
        new = [group for group in dict.fromkeys(groups) if group not in self._known]
        new.sort(key=len)  # alike long: little padding
        for some in _parts(new, READ):
            self.prepare(some)
            for batch in _parts(some, BATCH):
                logits = self.aimed.model.fuse(self.tokens(batch)).logits
                assert logits is not None
                self._known.update(zip(batch, logits.cpu(), strict=True))
        assert self.aimed.output.logits is not None
        outputs = [self._known[group] for group in groups]
        return torch.stack(outputs) if outputs else self.aimed.output.logits[:0].cpu()

    def prepare(self, groups: Sequence[frozenset[int]]) -> None:
        """Do at once for all groups what can be done at once."""

    def tokens(self, groups: Sequence[frozenset[int]]) -> Tokens:
        """Return what the fusion gets to see without each of the groups."""
        raise TypeError("a judge says itself what is left")


class InputPerturber(_Batched):
    """Takes units from the input itself. What a modality is without some is encoded once, whatever the others lack."""

    def __init__(self, aimed: AimedPass) -> None:
        super().__init__(aimed, aimed.measured.without)
        # Modality and what it lacks → tokens (n, d); of what lacks nothing they are known.
        self._encoded = {(name, frozenset[int]()): aimed.tokens.real(name) for name in aimed.tokens.spans}

    def prepare(self, groups: Sequence[frozenset[int]]) -> None:
        """Read what each modality is without these groups, as far as that is not known yet."""
        for name in self.aimed.inputs.modalities:
            self._encode(name, self._of_modality(name, groups))

    def tokens(self, groups: Sequence[frozenset[int]]) -> Tokens:
        """Return what the fusion gets to see without each of the groups, which `prepare` has read."""
        parts = {}
        for name in self.aimed.inputs.modalities:
            sequences = [self._encoded[name, lacking] for lacking in self._of_modality(name, groups)]
            lengths = torch.tensor([len(item) for item in sequences], device=sequences[0].device)
            values = pad_sequence(sequences, batch_first=True)  # (g, n, d)
            parts[name] = values, torch.arange(values.shape[1], device=lengths.device) < lengths[:, None]  # (g, n)
        return Tokens.joined(parts)

    @cached_property
    def _picture(self) -> tuple[Inputs, np.ndarray | None]:
        """The sample with its picture as the encoder reads it, and that picture blurred."""
        squashed = self.aimed.processor.squashed(self.aimed.inputs)
        return squashed, None if squashed.image is None else deletion.blurred(squashed.image)

    def _of_modality(self, name: str, groups: Sequence[frozenset[int]]) -> list[frozenset[int]]:
        return [group.intersection(self.aimed.layout.units[name]) for group in groups]

    def _encode(self, name: str, wanted: Sequence[frozenset[int]]) -> None:
        """Read what one modality is without each of these groups, as far as that is not known yet."""
        new = [lacking for lacking in dict.fromkeys(wanted) if (name, lacking) not in self._encoded]
        whole, smooth = self._picture if name == "image" else (self.aimed.inputs, None)
        copies = [deletion.without(whole, self.aimed.layout, lacking, smooth) for lacking in new]
        left = {lacking: getattr(copy, name) for lacking, copy in zip(new, copies, strict=True)}
        for lacking in new:
            if left[lacking] is None:  # nothing is left of it
                self._encoded[name, lacking] = self.aimed.model.modality_embedding.weight[:0]
        there = [lacking for lacking in new if left[lacking] is not None]
        if there:
            tokens = self.aimed.encode([Inputs(**{name: left[lacking]}) for lacking in there])
            for lacking, values, mask in zip(there, tokens.values, tokens.mask, strict=True):
                self._encoded[name, lacking] = values[mask]


class TokenMasker(_Batched):
    """Masks units' tokens at the fusion's input: nothing is encoded again. All masked, the answer token is alone."""

    def __init__(self, aimed: AimedPass) -> None:
        super().__init__(aimed, {})
        self._whole = aimed.tokens
        self._members = membership(aimed) > 0  # (units, n): of a word, all pieces that have a character of it

    def tokens(self, groups: Sequence[frozenset[int]]) -> Tokens:
        """Return what the fusion gets to see without each of the groups."""
        mask = self._whole.mask.repeat(len(groups), 1)  # (g, n)
        for row, group in enumerate(groups):
            mask[row] &= ~self._members[list(group)].any(dim=0)
        return self._whole.masked(mask)


def probability(aimed: AimedPass, outputs: Tensor, targets: Sequence[ExplanationTarget]) -> Tensor:
    """Return (g, targets) float64 in [0, 1]: how likely each target is by the head's outputs (g, k)."""
    kind = KINDS[aimed.model.config.kind]
    return kind.probability(aimed.model.head, aimed.scaling(outputs), aimed.model.config.labels, targets)


def _parts(groups: Sequence[frozenset[int]], most: int) -> Iterator[Sequence[frozenset[int]]]:
    return (groups[start : start + most] for start in range(0, len(groups), most))
