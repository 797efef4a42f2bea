"""What the loss asks for beside the one right label: mixed clips, teachers' answers, rare labels that weigh more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor
from torch.nn import functional as F

from mmdemo.model import Loaded
from mmdemo.training.data.datasets import Item
from mmdemo.training.fitting.inference import logits

TEMPERATURE = 0.07  # of the contrast between modalities


def mix(items: Sequence[Item], draw: np.random.Generator, *, alpha: float, labels: int) -> list[Item]:
    """Return the items of a batch, into each clip that came alone some of another one mixed; with shares.

    mixup: Zhang et al., "mixup: Beyond empirical risk minimization", ICLR 2018, equation 1; both clips equally loud.
    """
    alone = [index for index, item in enumerate(items) if item.inputs.modalities == ("audio",)]
    partners = dict(zip(alone, draw.permutation(alone), strict=True))
    mixed = []
    for index, item in enumerate(items):
        shares = shares_of(item, labels)
        if index in partners:
            other = items[partners[index]]
            part = max(share := draw.beta(alpha, alpha), 1 - share)
            own = _even(item)
            behind = _even(other)[: len(own)]
            audio = part * own + (1 - part) * np.pad(behind, (0, len(own) - len(behind)))
            shares = part * shares + (1 - part) * shares_of(other, labels)
            item = replace(item, inputs=replace(item.inputs, audio=audio.astype(np.float32)))
        mixed.append(replace(item, shares=shares))
    return mixed


def distil(items: Sequence[Item], teachers: Sequence[Loaded], share: float, labels: int = 0) -> list[Item]:
    """Return the items with `share` of what is asked for being the teachers' mean answer to the sample as it came.

    Hinton et al., "Distilling the knowledge in a neural network", 2015, at a temperature of 1; several teachers are an
    ensemble, whose answer one model learns to give. They are not asked where a label is sure by construction, or is an
    answer that a teacher does not know, such as "none of these"; `labels` is how many answers there are (0: as many as
    the teachers know).
    """
    labels = labels or max(len(teacher.model.config.labels) for teacher in teachers)
    distilled = [item for item in items if not item.constructed]
    right = np.stack([shares_of(item, labels) for item in distilled]) if distilled else np.zeros((0, labels))
    mean = np.zeros_like(right)  # (distilled, labels)
    for teacher in teachers:
        answers = softmax(logits(teacher, distilled), axis=1)  # (distilled, width)
        width = answers.shape[1]
        unknown = right[:, width:].any(axis=1, keepdims=True)
        mean += np.where(unknown, right, np.pad(answers, ((0, 0), (0, labels - width)))) / len(teachers)
    mixed = iter((1 - share) * right + share * mean)
    return [replace(item, shares=shares_of(item, labels) if item.constructed else next(mixed)) for item in items]


def class_weights(items: Sequence[Item], labels: int, power: float) -> Tensor:
    """Return weights (labels,) float32, mean 1 over the items: frequencies to the power of minus `power`."""
    counts = np.bincount([int(item.target) for item in items], minlength=labels)
    weights = np.where(counts, np.maximum(counts, 1.0) ** -power, 0.0)
    return torch.from_numpy(weights * counts.sum() / (weights * counts).sum()).float()


def weighted(labels: Tensor, weights: Tensor, smoothing: float) -> Tensor:
    """Return what cross-entropy is asked for (batch, labels): smoothed shares, each label's times its weight."""
    shares = F.one_hot(labels, len(weights)).float() if labels.dim() == 1 else labels
    return ((1 - smoothing) * shares + smoothing / len(weights)) * weights


def contrast(alike: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> Tensor:
    """Return the mean loss of finding, in a batch, the partner of each sample in another modality, both ways.

    InfoNCE between two encoders' features as in CLIP (Radford et al., ICML 2021, figure 3), at a fixed temperature.
    `alike` (b, d) of unit length and `present` (b,) bool by modality; samples that have both of a pair take part.
    """
    losses = []
    for one, other in combinations(alike, 2):
        rows = present[one] & present[other]
        if rows.sum() > 1:
            scores = alike[one][rows] @ alike[other][rows].T / TEMPERATURE  # (pairs, pairs)
            right = torch.arange(len(scores), device=scores.device)
            losses.append((F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2)
    return torch.stack(losses).mean() if losses else next(iter(alike.values())).new_zeros(())


def shares_of(item: Item, labels: int) -> np.ndarray:
    """Return what the loss asks for of one sample, (labels,)."""
    return np.eye(labels)[int(item.target)] if item.shares is None else item.shares


def _even(item: Item) -> np.ndarray:
    audio = item.inputs.audio
    assert audio is not None
    return audio / max(float(np.sqrt(np.mean(audio**2))), 1e-8)
