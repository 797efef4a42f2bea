"""Encoders that do not learn are asked once: what is learned from is what they would have said."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmdemo.errors import ManifestError
from mmdemo.model import Loaded, MultimodalModel
from mmdemo.training.data import feature_cache
from mmdemo.training.data.augmentation import Augmentation
from mmdemo.training.data.datasets import Item, Samples, collate, narrowed
from mmdemo.training.data.feature_cache import CachedDataset, FeatureCache
from mmdemo.training.fitting.trainer import Plan, fit
from mmdemo.training.options import Options
from mmdemo.values.samples import Inputs
from tests import tiny

FROZEN = ("encoders.",)


@pytest.fixture
def asked(tmp_path: Path):
    """A model of two modalities whose encoders do not learn, its processor, and samples with both, or one."""
    model, processor = MultimodalModel.build(tiny.task(tmp_path, ("image", "audio")), tiny.starts(tmp_path))
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(not name.startswith(FROZEN))
    subsets = [("image", "audio"), ("audio",), ("image",), ("image", "audio")]
    items = [
        Item(processor.squashed(tiny.inputs(seed, some, 0.3 + seed / 5)), target=seed % 2)
        for seed, some in enumerate(subsets)
    ]
    return model.eval(), processor, items


def test_tokens_that_were_kept_are_those_that_the_encoders_make(asked) -> None:
    model, processor, items = asked
    expected = model.encode(processor([item.inputs for item in items]).batch)
    copies = FeatureCache(1).of(items, model, collate(processor))
    model.config.modality_dropout = 0.0
    drawn = [(item, kept[0]) for item, kept in zip(narrowed(items, feature_cache.learning(model)), copies, strict=True)]
    batch = feature_cache.collate(drawn, collate(processor))
    assert batch.targets.tolist() == [0, 1, 0, 1]
    tokens = model.encode(batch.inputs)
    assert torch.equal(tokens.mask.sum(dim=1), expected.mask.sum(dim=1))
    torch.testing.assert_close(tokens.values[tokens.mask], expected.values[expected.mask], atol=5e-3, rtol=5e-3)


def test_each_sample_is_encoded_once_and_its_copies_take_turns(asked) -> None:
    model, processor, items = asked
    calls = []

    def batch(part):
        calls.append(len(part))
        return collate(processor)(part)

    cache = FeatureCache(3)
    cache.of(items[:2], model, batch)
    kept = cache.of(items, model, batch)
    assert calls == [2, 2, 2, 2, 2, 2] and [len(some) for some in kept] == [3] * 4
    kept[0] = [{"audio": torch.full((1, 2), float(number))} for number in range(3)]
    samples = Samples(items, Augmentation(augment=False))
    drawn = {float(CachedDataset(samples, kept)[0][1]["audio"][0, 0]) for _ in range(40)}
    assert drawn == {0.0, 1.0, 2.0}


def test_encoders_that_all_learn_are_refused(asked) -> None:
    model, processor, items = asked
    with pytest.raises(ManifestError, match=r"all do \(image, audio\).*tuning=frozen"):
        fit(Loaded(model, processor), items, Plan(Options(epochs=1, frozen=("fusion.",)), cache=FeatureCache(1)))


def test_one_encoder_learns_beside_the_tokens_of_another_that_does_not(asked) -> None:
    model, processor, items = asked
    before = {name: value.clone() for name, value in model.state_dict().items()}
    lengths: list[int] = []
    model.encoders["image"].register_forward_pre_hook(lambda _, pictures: lengths.append(len(pictures[0])))
    plan = Plan(Options(epochs=3, frozen=("encoders.image.",)), cache=FeatureCache(2))
    fit(Loaded(model, processor), items, plan)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert [name for name in changed if name.startswith("encoders.audio.")]
    assert not [name for name in changed if name.startswith("encoders.image.")]
    assert lengths == [3, 3]  # once for each copy of the three samples that have a picture


@pytest.mark.parametrize(("kept", "times"), [(FROZEN, 0), (("encoders.image.",), 2)])
def test_epochs_in_which_an_encoder_learns_are_judged(asked, kept, times) -> None:
    model, processor, items = asked
    judged: list[float] = []
    fit(
        Loaded(model, processor),
        items,
        Plan(Options(epochs=2, frozen=kept), cache=FeatureCache(1)),
        judge=lambda _: {"dev_accuracy": float(judged.append(0.5) or 0.5)},
    )
    assert len(judged) == times


def test_what_lies_behind_the_encoders_learns_and_they_do_not(asked) -> None:
    model, processor, items = asked
    before = {name: value.clone() for name, value in model.state_dict().items()}
    options = Options(epochs=30, frozen=FROZEN, augment=False, head_lr=3e-3)
    fit(Loaded(model, processor), items, Plan(options, cache=FeatureCache(1)))
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed and not [name for name in changed if name.startswith(FROZEN)]
    with torch.no_grad():
        logits = model(processor([item.inputs for item in items]).batch).logits
    assert logits.argmax(dim=1).tolist() == [item.target for item in items]


@pytest.mark.parametrize(
    ("kept", "copies", "masked"),
    [((), 0, True), (FROZEN, 0, False), (FROZEN, 1, False), (("encoders.image.",), 1, True)],
)
def test_only_an_encoder_that_learns_is_shown_spectrograms_with_holes(asked, kept, copies, masked) -> None:
    model, processor, items = asked
    blank_bands: list[bool] = []

    def look(_: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> None:
        features = arguments[0]  # (clips, mels, frames)
        blank_bands.append(bool((features == 0).all(dim=2).any()))

    model.encoders["audio"].register_forward_pre_hook(look)
    cache = FeatureCache(copies) if copies else None
    fit(Loaded(model, processor), items, Plan(Options(epochs=1, frozen=kept), cache=cache))
    assert blank_bands and any(blank_bands) == masked


def test_sounds_that_came_alone_are_mixed_with_their_labels_and_nothing_else_is() -> None:
    sound = [(Item(Inputs(), label), {"audio": torch.full((3 + label, 2), float(label))}) for label in (0, 1)]
    both = (Item(Inputs(), 1), {"image": torch.ones(2, 2), "audio": torch.ones(2, 2)})
    captioned = (Item(Inputs(text="a caption to learn from"), 1), {"audio": torch.ones(2, 2)})
    for seed in range(10):
        mixed = feature_cache.mix([*sound, both, captioned], np.random.default_rng(seed), alpha=0.4, labels=2)
        for (item, copy), (_, before) in zip(mixed[:2], sound, strict=True):
            assert len(copy["audio"]) == len(before["audio"]) and item.shares.sum() == pytest.approx(1)
            assert item.shares[item.target] >= 0.5
            assert float(copy["audio"][0, 0]) == pytest.approx(item.shares[1])
        for (item, copy), (_, before) in zip(mixed[2:], (both, captioned), strict=True):
            assert all(torch.equal(copy[name], before[name]) for name in before) and item.shares.tolist() == [0, 1]


def test_a_model_that_was_handed_its_tokens_is_saved_as_any_other(asked, tmp_path: Path) -> None:
    model, processor, items = asked
    fit(Loaded(model, processor), items, Plan(Options(epochs=1, frozen=FROZEN, ema=0.9), cache=FeatureCache(2)))
    model.save_pretrained(tmp_path / "saved")
    processor.save_pretrained(tmp_path / "saved")
    loaded, _ = MultimodalModel.load(tmp_path / "saved")
    assert loaded.state_dict().keys() == model.state_dict().keys()
