"""Augmentation changes a sample and never its kind; captions stay as they are."""

import numpy as np
import torch

from mmdemo.training.data import augmentation
from mmdemo.values.samples import Inputs


def test_the_same_seed_gives_the_same_change_and_the_input_stays() -> None:
    noise = np.random.default_rng(0)
    image = noise.integers(0, 256, (40, 60, 3), np.uint8)
    audio = noise.standard_normal(16_000).astype(np.float32)
    inputs = Inputs(image=image.copy(), text="as it is", audio=audio.copy())
    first, second = (augmentation.Augmentation()(inputs, (), np.random.default_rng(1)) for _ in range(2))
    assert first.text == "as it is"
    assert first.image is not None and first.audio is not None and second.audio is not None
    assert first.image.shape == image.shape and first.image.dtype == np.uint8
    assert first.audio.dtype == np.float32 and np.isfinite(first.audio).all()
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.audio, second.audio)
    np.testing.assert_array_equal(inputs.image, image)
    np.testing.assert_array_equal(inputs.audio, audio)
    assert not np.array_equal(first.image, image)


def test_left_stays_left_where_pictures_may_not_be_flipped() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    image[:, :10] = 200
    inputs = Inputs(image=image)

    def flips(mirror: bool) -> list[bool]:
        change = augmentation.Augmentation(mirror=mirror)
        changed = [change(inputs, (), np.random.default_rng(seed)).image for seed in range(30)]
        return [bool(picture[:, 0].mean() > picture[:, -1].mean()) for picture in changed if picture is not None]

    assert flips(mirror=False) == [True] * 30
    assert 5 < sum(flips(mirror=True)) < 25


def test_absent_modalities_stay_absent() -> None:
    assert augmentation.Augmentation()(Inputs(text="a"), (), np.random.default_rng(0)) == Inputs(text="a")


def test_a_long_clip_is_cut_and_a_short_one_survives() -> None:
    draw = np.random.default_rng(0)
    long = augmentation.sound(np.ones(16_000 * 20, np.float32), draw)
    assert len(long) < 16_000 * (augmentation.LONGEST_S * (1 + augmentation.SPEED) + augmentation.EDGE_S + 1)
    assert len(augmentation.sound(np.ones(800, np.float32), draw)) > 600


def test_moments_are_muted_whole_and_up_to_their_share() -> None:
    plain = [augmentation.sound(np.ones(32_000, np.float32), np.random.default_rng(seed)) for seed in range(40)]
    muted = [augmentation.sound(np.ones(32_000, np.float32), np.random.default_rng(seed), 0.5) for seed in range(40)]
    moment = round(augmentation.MOMENT_S * 16_000)
    shares = []
    for before, after in zip(plain, muted, strict=True):
        assert len(before) == len(after)
        gone = [bool((after[start : start + moment] == 0).all()) for start in range(0, len(after) - moment, moment)]
        kept = np.repeat([not one for one in gone], moment)
        np.testing.assert_array_equal(after[: len(kept)][kept], before[: len(kept)][kept])
        shares.append(np.mean(gone))
    assert 0.2 < np.mean(np.array(shares) > 0.1) < 0.8  # some clips are left as they are
    assert 0.1 < np.mean(shares) < 0.3 and max(shares) < 0.8


def test_masks_stay_inside_each_clip() -> None:
    features = torch.ones(2, 20, 50)
    masked = augmentation.mask_spectrogram(features, torch.tensor([50, 0]), np.random.default_rng(0))
    assert torch.equal(features, torch.ones(2, 20, 50))
    assert (masked[0] == 0).any() and (masked[0] == 1).any()


def test_words_are_left_out_or_replaced_by_their_shares() -> None:
    draw = np.random.default_rng(0)
    caption = " ".join(["word"] * 2000)
    words = augmentation.WordNoise(0.2, 0.3, ("other",))(caption, draw).split()
    assert 0.17 < 1 - len(words) / 2000 < 0.23
    assert 0.27 < words.count("other") / 2000 < 0.33


def test_one_word_stays_and_so_does_what_lies_between() -> None:
    noise = augmentation.WordNoise(0.99, 0.0, ())
    draws = [noise("  两只 small dogs ", np.random.default_rng(seed)) for seed in range(30)]
    assert all(text.strip() for text in draws)
    assert {"只", "dogs"} <= {text.strip() for text in draws}
    assert augmentation.WordNoise(0.0, 0.5, ())("as it is", np.random.default_rng(0)) == "as it is"


def test_words_are_counted_as_often_as_they_stand() -> None:
    assert augmentation.words(["a dog", "a 猫"]) == ("a", "dog", "a", "猫")
