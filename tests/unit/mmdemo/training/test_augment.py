"""Augmentation changes a sample and never its kind; captions stay as they are."""

import numpy as np
import torch

from mmdemo.samples import Inputs
from mmdemo.training import augment


def test_the_same_seed_gives_the_same_change_and_the_input_stays() -> None:
    noise = np.random.default_rng(0)
    image = noise.integers(0, 256, (40, 60, 3), np.uint8)
    audio = noise.standard_normal(16_000).astype(np.float32)
    given = Inputs(image=image.copy(), text="as it is", audio=audio.copy())
    first, second = (augment.augment(given, np.random.default_rng(1)) for _ in range(2))
    assert first.text == "as it is"
    assert first.image is not None and first.audio is not None and second.audio is not None
    assert first.image.shape == image.shape and first.image.dtype == np.uint8
    assert first.audio.dtype == np.float32 and np.isfinite(first.audio).all()
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.audio, second.audio)
    np.testing.assert_array_equal(given.image, image)
    np.testing.assert_array_equal(given.audio, audio)
    assert not np.array_equal(first.image, image)


def test_absent_modalities_stay_absent() -> None:
    assert augment.augment(Inputs(text="a"), np.random.default_rng(0)) == Inputs(text="a")


def test_a_long_clip_is_cut_and_a_short_one_survives() -> None:
    draw = np.random.default_rng(0)
    long = augment.sound(np.ones(16_000 * 20, np.float32), draw)
    assert len(long) < 16_000 * (augment.LONGEST_S * (1 + augment.SPEED) + augment.EDGE_S + 1)
    assert len(augment.sound(np.ones(800, np.float32), draw)) > 600


def test_masks_stay_inside_each_clip() -> None:
    features = torch.ones(2, 20, 50)
    masked = augment.mask_spectrogram(features, torch.tensor([50, 0]), np.random.default_rng(0))
    assert torch.equal(features, torch.ones(2, 20, 50))
    assert (masked[0] == 0).any() and (masked[0] == 1).any()
