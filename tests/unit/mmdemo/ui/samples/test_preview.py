"""What the page shows of a sample stands in data URLs and looks like what was sent."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmdemo import decode, tasks
from mmdemo.tasks import Limits
from mmdemo.ui.samples import preview
from mmdemo.values.review import QueueItem, SampleState
from mmdemo.values.samples import Inputs


def content(url: str) -> bytes:
    return base64.b64decode(url.split(",", 1)[1])


def tone(hertz: float, seconds: float = 1.0) -> np.ndarray:
    moments = np.arange(round(seconds * decode.SAMPLE_RATE_HZ)) / decode.SAMPLE_RATE_HZ
    return (0.5 * np.sin(2 * np.pi * hertz * moments)).astype(np.float32)


def test_a_picture_keeps_its_shape_and_loses_its_size() -> None:
    image = np.zeros((600, 1800, 3), np.uint8)
    image[:, 900:] = 255
    shown = preview.of(Inputs(image=image))
    picture = Image.open(io.BytesIO(content(shown.picture)))
    assert picture.size == (shown.width, shown.height) == (900, 300)
    assert picture.getpixel((10, 150))[0] < 20
    assert picture.getpixel((890, 150))[0] > 235
    assert not picture.getexif()


def test_sound_comes_back_as_it_was_judged() -> None:
    wave = decode.decode_audio((tone(440), decode.SAMPLE_RATE_HZ), Limits())
    shown = preview.of(Inputs(audio=wave))
    assert shown.seconds == pytest.approx(1.0)
    np.testing.assert_array_equal(decode.decode_audio(content(shown.sound), Limits()), wave)


def test_a_kept_sound_is_shown_as_its_file_has_it_and_nothing_where_that_is_gone(tmp_path: Path) -> None:
    file = tmp_path / "kept"
    item = QueueItem("a" * 64, "speech_emotion", "happy", 0.5, "", SampleState.QUEUED, "", None, audio=file)
    assert preview.of_kept(item, tasks.get("speech_emotion")) == preview.Preview()
    file.write_bytes(decode.encode_speech(tone(440)))
    shown = preview.of_kept(item, tasks.get("speech_emotion"))
    assert content(shown.sound) == file.read_bytes() and shown.spectrogram


@pytest.mark.parametrize(("hertz", "part"), [(200, 0.9), (1000, 0.67), (6000, 0.1)])
def test_a_tone_is_a_line_at_its_height(hertz: float, part: float) -> None:
    drawn = preview.spectrogram(tone(hertz))
    assert (drawn.shape, drawn.dtype) == ((preview.ROWS, preview.COLUMNS), np.uint8)
    brightest = drawn[:, preview.COLUMNS // 2].argmax() / preview.ROWS
    assert brightest == pytest.approx(part, abs=0.08)


def test_time_runs_from_left_to_right() -> None:
    drawn = preview.spectrogram(np.concatenate([tone(400), np.zeros(decode.SAMPLE_RATE_HZ, np.float32)]))
    assert drawn[:, : preview.COLUMNS // 2 - 20].max(axis=0).min() > 200
    assert drawn[:, preview.COLUMNS // 2 + 20 :].max() == 0


def test_the_waveform_runs_between_the_lowest_and_the_highest_of_each_moment() -> None:
    wave = np.concatenate([tone(440) * 0.5, np.zeros(decode.SAMPLE_RATE_HZ, np.float32), -tone(440)])
    lowest, highest = preview.envelope(wave).astype(int)
    third = preview.WAVE_COLUMNS // 3
    for low, high, at in (
        (64, 192, slice(2, third - 2)),
        (128, 128, slice(third + 2, 2 * third - 2)),
        (1, 255, slice(-third + 2, -2)),
    ):
        assert abs(lowest[at] - low).max() <= 1 and abs(highest[at] - high).max() <= 1
    assert preview.envelope(wave[:50]).shape == (2, preview.WAVE_COLUMNS)  # of fewer samples than columns
    sent = base64.b64decode(preview.of(Inputs(audio=wave)).waveform)
    assert sent == preview.envelope(wave).tobytes()


def test_peaks_follow_the_loudness() -> None:
    peaks = preview.peaks(np.concatenate([0.2 * np.ones(100), np.ones(100), np.zeros(100)]), 3)
    assert peaks == [0.2, 1.0, 0.0]


def test_nothing_is_shown_of_what_is_absent() -> None:
    assert preview.of(Inputs(text="only words")) == preview.Preview()
