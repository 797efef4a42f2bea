"""Damage is of the grade that is asked for, of the same kind as what it was done to, and the same each time."""

import numpy as np
import pytest

from mmdemo.evaluation.corruptions import CORRUPTIONS, GRADES, corrupt, meaning
from mmdemo.values.samples import MODALITIES, Inputs
from tests import tiny

EVERY = [(modality, name) for modality in CORRUPTIONS for name in CORRUPTIONS[modality]]
CAPTION = "a lovely dog runs over the green field while its owner laughs and waves"


@pytest.fixture
def inputs() -> Inputs:
    rows, columns = np.mgrid[0:60, 0:80]
    image = np.stack([rows * 4, columns * 3, (rows // 8 + columns // 8) % 2 * 255], -1).astype(np.uint8)
    return Inputs(image, CAPTION, tiny.inputs(0, ("audio",)).audio)


def distance(modality: str, one: Inputs, other: Inputs) -> float:
    """Return how far two samples lie apart in one modality."""
    before, after = getattr(one, modality), getattr(other, modality)
    if modality == "text":
        return float(sum(a != b for a, b in zip(before.ljust(99), after.ljust(99), strict=True)))
    if modality == "audio":  # a filter's delay is no damage
        before, after = np.abs(np.fft.rfft(before)), np.abs(np.fft.rfft(after))
    if before.shape != after.shape:
        return float(before.size - after.size)
    return float(np.abs(before.astype(float) - after.astype(float)).mean())


@pytest.mark.parametrize(("modality", "name"), EVERY)
def test_damage_grows_by_the_grade_and_repeats(inputs: Inputs, modality: str, name: str) -> None:
    worse = [corrupt(inputs, modality, name, grade, seed=1) for grade in GRADES]
    again = [corrupt(inputs, modality, name, grade, seed=1) for grade in GRADES]
    for one, other in zip(worse, again, strict=True):
        np.testing.assert_equal(getattr(one, modality), getattr(other, modality))
        for untouched in set(MODALITIES) - {modality}:
            assert getattr(one, untouched) is getattr(inputs, untouched)
    distances = [distance(modality, inputs, one) for one in worse]
    assert 0 < distances[0] < distances[2]
    if modality != "text":
        assert distances == sorted(distances)


@pytest.mark.parametrize(("modality", "name"), EVERY)
def test_what_comes_out_is_a_decoded_sample(inputs: Inputs, modality: str, name: str) -> None:
    worse = getattr(corrupt(inputs, modality, name, 3, seed=2), modality)
    if modality == "image":
        assert worse.dtype == np.uint8 and worse.shape[2] == 3
    elif modality == "text":
        assert worse.strip()
    else:
        assert worse.dtype == np.float32 and worse.shape == inputs.audio.shape and np.abs(worse).max() <= 1
    assert meaning(modality, name, 3)


@pytest.mark.parametrize("name", CORRUPTIONS["text"])
@pytest.mark.parametrize("caption", ["a", "!", "7", "好"])
def test_a_caption_of_one_sign_survives(name: str, caption: str) -> None:
    assert corrupt(Inputs(text=caption), "text", name, 3, seed=0).text.strip()


def test_another_seed_does_other_damage(inputs: Inputs) -> None:
    assert corrupt(inputs, "text", "typos", 2, 1) != corrupt(inputs, "text", "typos", 2, 2)
    one, other = (corrupt(inputs, "image", "noise", 1, seed).image for seed in (1, 2))
    assert not np.array_equal(one, other)


def test_strengths_mean_what_they_say(inputs: Inputs) -> None:
    assert len(corrupt(inputs, "text", "dropped words", 3, 0).text.split()) == 7  # of 14
    assert corrupt(inputs, "image", "crop", 3, 0).image.shape == (30, 40, 3)
    quiet = Inputs(audio=inputs.audio * 0.1)
    noise = corrupt(quiet, "audio", "background noise", 2, 0).audio - quiet.audio
    assert 10 * np.log10(np.square(quiet.audio).mean() / np.square(noise).mean()) == pytest.approx(10, abs=0.01)
    cut = corrupt(quiet, "audio", "clipping", 3, 0).audio
    assert (np.isclose(np.abs(cut), np.abs(cut).max())).mean() > 0.2
    spectrum = np.abs(np.fft.rfft(corrupt(quiet, "audio", "telephone band", 1, 0).audio))
    hertz = np.fft.rfftfreq(len(quiet.audio), 1 / 16_000)
    inside, outside = spectrum[(hertz > 400) & (hertz < 3_000)], spectrum[hertz > 6_000]
    assert inside.mean() > 20 * outside.mean()
