"""What goes through encoders together is alike, and no more than fits."""

import numpy as np

from mmdemo.model import encoded
from mmdemo.values.samples import Inputs
from tests import tiny


def test_those_of_like_length_go_together() -> None:
    some = [("text",), ("image", "text"), ("audio",), ("image",), ("text",), ("image", "text", "audio")]
    samples = [tiny.inputs(seed, modalities) for seed, modalities in enumerate(some)]
    together = encoded.alike(samples)
    assert sorted(place for places in together for place in places) == list(range(len(samples)))
    for places in together:
        assert len({samples[place].modalities for place in places}) == 1


def test_long_sounds_are_fewer() -> None:
    sounds = [Inputs(audio=np.zeros(seconds * 16_000, np.float32)) for seconds in (1, 30, 1, 29, 2, 28)] * 4
    assert encoded.alike(sounds)[0][:8] == [0, 2, 6, 8, 12, 14, 18, 20]
    for places in encoded.alike(sounds):
        longest = max(sound.audio.size for sound in (sounds[place] for place in places) if sound.audio is not None)
        assert longest * len(places) <= encoded.MOST_SECONDS * 16_000 and len(places) <= encoded.MOST_ALONE["audio"]


def test_pictures_and_sounds_alone_are_fewer() -> None:
    counts = {
        modality: [len(places) for places in encoded.alike([tiny.inputs(seed, (modality,)) for seed in range(10)])]
        for modality in ("image", "text", "audio")
    }
    assert counts == {"image": [4, 4, 2], "text": [10], "audio": [8, 2]}
