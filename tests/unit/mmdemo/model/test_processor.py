"""Decoded inputs → tensors: nothing is cropped, loudness does not matter, every piece knows its place."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch

from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.model import MultimodalProcessor
from mmdemo.model.frontends.audio import HOP_SAMPLES, LogMelFrontend
from mmdemo.model.frontends.image import ImageFrontend
from mmdemo.values.samples import Inputs
from tests import tiny
from tests.unit.mmdemo.model.conftest import Built


@pytest.fixture
def processor(built: Built) -> MultimodalProcessor:
    return built[1]


def test_the_whole_picture_is_squashed_to_the_square() -> None:
    wide = np.zeros((20, 90, 3), np.uint8)
    wide[:, :10] = (255, 0, 0)
    wide[:, -10:] = (0, 0, 255)
    square = ImageFrontend(size=18).squash(wide)
    assert square.shape == (18, 18, 3)
    np.testing.assert_array_equal(square[:, 0], [(255, 0, 0)] * 18)
    np.testing.assert_array_equal(square[:, -1], [(0, 0, 255)] * 18)


def test_small_details_are_averaged_and_do_not_alias() -> None:
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    assert np.abs(ImageFrontend(size=32).squash(stripes).astype(int) - 127).max() < 8


def test_values_are_scaled_as_the_start_asks(processor: MultimodalProcessor) -> None:
    pixels = processor([Inputs(image=np.full((3, 5, 3), 255, np.uint8))]).batch.modalities["image"].tensors[0]
    torch.testing.assert_close(pixels[0, :, 0, 0], torch.tensor([1.2, 1.0, 0.8]))  # (1 - mean) / 0.5


def test_loudness_and_offset_of_the_recording_do_not_matter() -> None:
    frontend, wave = LogMelFrontend(mels=16), tiny.inputs().audio
    assert wave is not None
    torch.testing.assert_close(frontend.features(wave), frontend.features(wave * 0.01), atol=1e-3, rtol=0)


@pytest.mark.parametrize("samples", [100, 159, 160, 161, 1_279, 1_280, 1_281, 8_000, 16_123])
def test_audio_edges_cover_the_clip_and_fit_the_tokens(samples: int, built: Built) -> None:
    model, processor = built
    wave = tiny.inputs(seconds=2.0).audio[:samples]
    encoded = processor([Inputs(audio=wave)])
    features, frames = encoded.batch.modalities["audio"].tensors
    assert frames.tolist() == [max(1, samples // HOP_SAMPLES)]
    edges = processor.audio_edges(samples)
    _, mask = model.encoders["audio"](features, frames)
    assert len(edges) == int(mask.sum()) + 1
    assert edges[0] == 0 and edges[-1] == samples / SAMPLE_RATE_HZ
    assert all(before < after for before, after in itertools.pairwise(edges))


def test_each_piece_knows_its_place_in_the_caption(processor: MultimodalProcessor) -> None:
    caption = "The dog 🙂 smiling."
    encoded = processor([Inputs(text=caption)])
    words = encoded.batch.modalities["text"].tensors[2][0].tolist()
    pieces = [caption[a:b] for (a, b), word in zip(encoded.spans[0], words, strict=True) if word]
    assert pieces == ["The", "dog", "🙂", "smil", "ing", "."]


def test_a_long_caption_is_cut_and_said_to_be(processor: MultimodalProcessor) -> None:
    encoded = processor([Inputs(text="dog " * 30), Inputs(text="dog " * 14), Inputs(text="dog")])
    assert [tensor.shape for tensor in encoded.batch.modalities["text"].tensors] == [(3, 16)] * 3
    assert encoded.truncated == (True, False, False)


def test_a_caption_of_which_nothing_is_left_still_has_a_token(processor: MultimodalProcessor) -> None:
    assert processor([Inputs(text="\ue000")]).batch.modalities["text"].present.all()


def test_a_caption_of_which_nothing_is_known_is_said_to_be(processor: MultimodalProcessor) -> None:
    batch = [Inputs(text="🙂🙂"), Inputs(text="🙂 dog"), Inputs(text="\ue000"), tiny.inputs(modalities=("image",))]
    assert processor(batch).unread == (True, False, True, False)


def test_absent_modalities_are_absent(processor: MultimodalProcessor) -> None:
    assert list(processor([Inputs(text="dog")]).batch.modalities) == ["text"]
    batch = processor([Inputs(text="dog"), tiny.inputs(modalities=("image",)), tiny.inputs()]).batch
    present = {name: item.present.tolist() for name, item in batch.modalities.items()}
    assert present == {"image": [False, True, True], "text": [True, False, True], "audio": [False, False, True]}


def test_saved_and_loaded_makes_the_same_tensors(processor: MultimodalProcessor, tmp_path: Path) -> None:
    processor.save_pretrained(tmp_path)
    batch = [tiny.inputs(1), Inputs(text="the smiling cat " * 9)]
    before, after = processor(batch), MultimodalProcessor.from_pretrained(tmp_path)(batch)
    assert before.spans == after.spans and before.truncated == after.truncated
    for name, item in before.batch.modalities.items():
        torch.testing.assert_close(item.tensors, after.batch.modalities[name].tensors)
