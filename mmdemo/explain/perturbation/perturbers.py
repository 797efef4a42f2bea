"""What the model says of one sample when units are taken from it: from the input itself, or at the fusion's door.

Both answer for many groups of units in few batches, and for the same group once. Letters of the shapes: g groups of
units, n tokens, d width of a token.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from mmdemo.explain.maps import AimedPass, membership
from mmdemo.explain.perturbation import deletion
from mmdemo.explain.targets import KINDS, ExplanationTarget
from mmdemo.model import Tokens
from mmdemo.values.samples import Inputs

BATCH = 8  # copies of a sample that are read or judged at once: more are no faster, and fill the memory

# Groups of units, each taken by itself → the probability (g,) of what is explained.
Judge = Callable[[Sequence[Collection[int]]], np.ndarray]


class _Batched:
    """Asks about each group once, in batches."""

    def __init__(self, aimed: AimedPass) -> None:
        self.aimed = aimed
        self._known: dict[frozenset[int], float] = {}

    def __call__(self, taken: Sequence[Collection[int]]) -> np.ndarray:
        """Return the probability (g,) float64 of what is explained without each group of units."""
        groups = [frozenset(group) for group in taken]
        new = [group for group in dict.fromkeys(groups) if group not in self._known]
        new.sort(key=len)  # alike long: little padding
        with torch.inference_mode():
            for start in range(0, len(new), BATCH):
                batch = new[start : start + BATCH]
                probabilities = probability(self.aimed, self.tokens(batch), [self.aimed.explanation_target])[:, 0]
                self._known |= zip(batch, probabilities.tolist(), strict=True)
        return np.array([self._known[group] for group in groups])

    def tokens(self, groups: Sequence[frozenset[int]]) -> Tokens:
        """Return what the fusion gets to see without each of the groups."""
        raise TypeError("a judge says itself what is left")


class InputPerturber(_Batched):
    """Takes units from the input itself. What a modality is without some is encoded once, whatever the others lack."""

    def __init__(self, aimed: AimedPass) -> None:
        super().__init__(aimed)
        self._inputs = aimed.processor.squashed(aimed.inputs)
        # Modality and what it lacks → tokens (n, d); of what lacks nothing they are known.
        self._encoded = {(name, frozenset[int]()): aimed.tokens.real(name) for name in aimed.tokens.spans}

    def tokens(self, groups: Sequence[frozenset[int]]) -> Tokens:
        """Return what the fusion gets to see without each of the groups."""
        parts = {}
        for name in self._inputs.modalities:
            of_modality = [group.intersection(self.aimed.layout.units[name]) for group in groups]
            self._encode(name, of_modality)
            sequences = [self._encoded[name, lacking] for lacking in of_modality]
            lengths = torch.tensor([len(item) for item in sequences], device=sequences[0].device)
            values = pad_sequence(sequences, batch_first=True)  # (g, n, d)
            parts[name] = values, torch.arange(values.shape[1], device=lengths.device) < lengths[:, None]  # (g, n)
        return Tokens.joined(parts)

    def _encode(self, name: str, wanted: Sequence[frozenset[int]]) -> None:
        """Read what one modality is without each of these groups, as far as that is not known yet."""
        new = [lacking for lacking in dict.fromkeys(wanted) if (name, lacking) not in self._encoded]
        layout = self.aimed.layout
        left = {lacking: getattr(deletion.without(self._inputs, layout, lacking), name) for lacking in new}
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
        super().__init__(aimed)
        self._whole = aimed.tokens
        self._members = membership(aimed) > 0  # (units, n): of a word, all pieces that have a character of it

    def tokens(self, groups: Sequence[frozenset[int]]) -> Tokens:
        """Return what the fusion gets to see without each of the groups."""
        mask = self._whole.mask.repeat(len(groups), 1)  # (g, n)
        for row, group in enumerate(groups):
            mask[row] &= ~self._members[list(group)].any(dim=0)
        return self._whole.masked(mask)


def probability(aimed: AimedPass, tokens: Tokens, targets: Sequence[ExplanationTarget]) -> Tensor:
    """Return (g, targets) float64 in [0, 1]: how likely each target is where the fusion sees these tokens."""
    logits = aimed.model.fuse(tokens).logits
    assert logits is not None
    kind = KINDS[aimed.model.config.kind]
    return kind.probability(aimed.model.head, aimed.scaling(logits), aimed.model.config.labels, targets)
