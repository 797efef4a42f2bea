"""What the loss asks for: mixtures sum to 1, teachers are believed, rare labels weigh more, partners are told apart."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmdemo.model import MultimodalModel
from mmdemo.training.data.datasets import Item, collate
from mmdemo.training.fitting.inference import logits
from mmdemo.training.objectives import targets
from mmdemo.values.samples import Inputs


def clip(label: int, length: int = 800, loud: float = 1.0) -> Item:
    draw = np.random.default_rng(label)
    return Item(Inputs(audio=(loud * draw.standard_normal(length)).astype(np.float32)), label)


def test_clips_are_mixed_with_their_labels_whatever_their_loudness() -> None:
    items = [clip(0), clip(1, 500, loud=0.01), clip(2, 1200)]
    mixed = targets.mix(items, np.random.default_rng(5), alpha=0.5, labels=3)
    for before, after in zip(items, mixed, strict=True):
        assert after.inputs.audio.shape == before.inputs.audio.shape and after.inputs.audio.dtype == np.float32
        assert after.shares.sum() == pytest.approx(1) and after.shares.argmax() == before.target
        assert after.shares.max() >= 0.5
    own = items[1].inputs.audio / 0.01
    share = mixed[1].shares[1]
    assert share < 1 and np.corrcoef(own, mixed[1].inputs.audio)[0, 1] > 0.5


def test_only_what_is_heard_alone_is_mixed() -> None:
    both = Item(Inputs(text="a", audio=np.ones(10, np.float32)), 1)
    mixed = targets.mix([both, clip(0)], np.random.default_rng(0), alpha=1.0, labels=2)
    assert mixed[0].inputs is both.inputs and mixed[0].shares.tolist() == [0, 1]


def test_a_batch_asks_for_indices_or_for_shares(trained) -> None:
    _, processor = MultimodalModel.load(trained.folder)
    picture = Inputs(image=np.zeros((32, 32, 3), np.uint8))
    assert collate(processor)([Item(picture, 1), Item(picture, 0)]).targets.tolist() == [1, 0]
    shared = [Item(picture, 1, shares=np.array([0.25, 0.75]))]
    assert collate(processor)(shared).targets.tolist() == [[0.25, 0.75]]


def test_teachers_are_believed_by_their_share(trained) -> None:
    teacher = MultimodalModel.load(trained.folder)
    items = [Item(Inputs(image=np.full((32, 32, 3), 100, np.uint8)), label) for label in (0, 1)]
    shares = torch.from_numpy(logits(teacher, items)).softmax(-1).numpy()
    soft = targets.distil(items, [teacher, teacher], 0.25)
    np.testing.assert_allclose([item.shares for item in soft], 0.75 * np.eye(2) + 0.25 * shares, atol=1e-6)


def test_rare_labels_weigh_more_and_the_mean_stays() -> None:
    items = [clip(0)] * 6 + [clip(1)] * 3
    even = targets.class_weights(items, 3, 1.0)
    assert even.tolist() == pytest.approx([0.75, 1.5, 0.0])
    assert targets.class_weights(items, 3, 0.0)[:2].tolist() == [1, 1]


def test_weighted_shares_give_the_weighted_loss() -> None:
    scores, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    weights = torch.tensor([0.5, 1.0, 2.0])
    loss = F.cross_entropy(scores, targets.weighted(labels, weights, 0.1), reduction="none")
    assert torch.allclose(loss, F.cross_entropy(scores, labels, weights, reduction="none", label_smoothing=0.1))


def everywhere(**features: torch.Tensor) -> dict[str, torch.Tensor]:
    return {name: torch.ones(len(values), dtype=torch.bool) for name, values in features.items()}


def test_contrast_is_the_mean_of_finding_the_partner_both_ways() -> None:
    image, text = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [0.6, 0.8]])
    # Scores: the first picture meets the captions at 1 and 0.6, the second at 0 and 0.8.
    t = targets.TEMPERATURE
    forth = math.log(1 + math.exp((0.6 - 1) / t)) + math.log(1 + math.exp((0 - 0.8) / t))
    back = math.log(1 + math.exp((0 - 1) / t)) + math.log(1 + math.exp((0.6 - 0.8) / t))
    loss = targets.contrast({"image": image, "text": text}, everywhere(image=image, text=text))
    assert loss.item() == pytest.approx((forth / 2 + back / 2) / 2, abs=1e-6)


def test_samples_without_a_modality_take_no_part_in_contrast() -> None:
    draw = torch.Generator().manual_seed(0)
    image, text = (F.normalize(torch.randn(5, 4, generator=draw), dim=-1) for _ in range(2))
    present = everywhere(image=image, text=text)
    present["text"][[1, 3]] = False
    kept = [0, 2, 4]
    fewer = {"image": image[kept], "text": text[kept]}
    loss = targets.contrast({"image": image, "text": text}, present)
    assert loss.item() == pytest.approx(targets.contrast(fewer, everywhere(**fewer)).item())
    present["text"][[2, 4]] = False  # one alone has nobody to be told from
    assert targets.contrast({"image": image, "text": text}, present).item() == 0
    assert targets.contrast({"image": image}, everywhere(image=image)).item() == 0


def test_contrast_teaches_both_sides_and_falls() -> None:
    draw = torch.Generator().manual_seed(0)
    values = [torch.randn(6, 4, generator=draw).requires_grad_() for _ in range(3)]
    losses = []
    for _ in range(20):
        named = {name: F.normalize(v, dim=-1) for name, v in zip(("image", "text", "audio"), values, strict=True)}
        loss = targets.contrast(named, everywhere(**named))
        gradients = torch.autograd.grad(loss, values)
        assert all(gradient.abs().sum() > 0 for gradient in gradients)
        losses.append(loss.item())
        values = [(v - g).detach().requires_grad_() for v, g in zip(values, gradients, strict=True)]
    assert losses[-1] < losses[0] / 2
