"""Sound is taken as people record it, or refused in one sentence."""

import io
from pathlib import Path

import av
import numpy as np
import pytest

from mmdemo.decode import SAMPLE_RATE_HZ, decode_audio, encode_audio
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits
from tests.unit.mmdemo.decode import media

LIMITS = Limits(audio_min_s=0.4, audio_max_s=5.0)
SAMPLES = int(media.SECONDS * SAMPLE_RATE_HZ)


def refusal(source: object, limits: Limits = LIMITS) -> BadInput:
    with pytest.raises(BadInput) as caught:
        decode_audio(source, limits)  # type: ignore[arg-type]
    assert caught.value.sentence("en") and caught.value.sentence("zh")
    return caught.value


def pitch(wave: np.ndarray) -> float:
    """Return the strongest frequency in Hz."""
    middle = wave[len(wave) // 4 : -len(wave) // 4]
    return float(np.abs(np.fft.rfft(middle)).argmax() * SAMPLE_RATE_HZ / len(middle))


def check_is_the_tone(wave: np.ndarray) -> None:
    assert wave.dtype == np.float32 and wave.ndim == 1 and np.abs(wave).max() <= 1
    assert abs(len(wave) - SAMPLES) < 0.2 * SAMPLE_RATE_HZ  # codecs add a little at the ends
    assert abs(pitch(wave) - 440) < 3
    assert 0.1 < np.abs(wave).max() < 0.5


@pytest.mark.parametrize(
    ("format", "codec", "rate", "layout"),
    [
        ("webm", "libopus", 48_000, "mono"),  # Chrome and Firefox record it
        ("mp4", "aac", 44_100, "stereo"),  # Safari records it
        ("ogg", "libopus", 48_000, "stereo"),
        ("mp3", "libmp3lame", 44_100, "stereo"),
        ("flac", "flac", 48_000, "stereo"),
        ("wav", "pcm_f32le", 96_000, "stereo"),
        ("adts", "aac", 8_000, "mono"),
    ],
)
def test_any_recording_is_taken(format: str, codec: str, rate: int, layout: str) -> None:
    check_is_the_tone(decode_audio(media.encoded(format, codec, rate, layout), LIMITS))


@pytest.mark.parametrize(("format", "codec"), [("mp4", "aac"), ("webm", "libopus")])
def test_the_sound_of_a_video_is_taken(format: str, codec: str) -> None:
    check_is_the_tone(decode_audio(media.encoded(format, codec, 48_000, video=True), LIMITS))


@pytest.mark.parametrize(("channels", "rate", "width"), [(8, 48_000, 2), (1, 8_000, 2), (2, 16_000, 1), (6, 44_100, 1)])
def test_any_wav_is_taken(channels: int, rate: int, width: int) -> None:
    check_is_the_tone(decode_audio(media.wav(np.stack([media.tone(rate)] * channels, axis=1), rate, width), LIMITS))


def test_channels_are_averaged() -> None:
    tone, silence = media.tone(), np.zeros(SAMPLES, np.float32)
    wave = decode_audio(media.wav(np.stack([tone] + [silence] * 3, axis=1)), LIMITS)
    np.testing.assert_allclose(wave, tone / 4, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("shape", ["mono", "channels last", "channels first"])
def test_an_array_with_its_rate_is_taken(dtype: type, shape: str) -> None:
    tone = media.tone(22_050).astype(np.float64)
    if dtype is np.uint8:
        tone = tone * 127 + 128
    elif np.issubdtype(dtype, np.integer):
        tone = tone * np.iinfo(dtype).max
    both = np.stack([tone, tone], axis=1)
    array = {"mono": tone, "channels last": both, "channels first": both.T}[shape].astype(dtype)
    check_is_the_tone(decode_audio((array, 22_050), LIMITS))


def test_samples_beyond_one_are_scaled_together() -> None:
    wave = decode_audio((media.tone(loudness=20_000.0), SAMPLE_RATE_HZ), LIMITS)
    np.testing.assert_allclose(wave, media.tone(loudness=1.0), atol=1e-4)


def test_tags_in_any_encoding_do_no_harm() -> None:
    content = media.wav(media.tone())
    tag = b"LIST\x10\x00\x00\x00INFOINAM\x04\x00\x00\x00\xe9\xff\xfe\x00"
    check_is_the_tone(decode_audio(content + tag, LIMITS))


def test_a_recording_that_was_cut_off_counts_as_far_as_it_goes() -> None:
    content = media.encoded("mp3", "libmp3lame")
    wave = decode_audio(content[: len(content) * 2 // 3], LIMITS)
    assert 0.8 < len(wave) / SAMPLE_RATE_HZ < 1.2


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "audio_empty"),
        (media.PLAIN_TEXT * 50, "not_a_sound"),
        (b"PK\x03\x04" + bytes(5_000), "not_a_sound"),
        (media.encoded("webm", "libopus")[:80], "not_a_sound"),
        (media.saved(media.gradient(), "PNG"), "not_a_sound"),
        (media.wav(np.zeros(0)), "audio_empty"),
        (media.wav(np.zeros(SAMPLES)), "audio_silent"),
        (media.wav(np.full(SAMPLES, 0.5)), "audio_silent"),
        (media.wav(media.tone(loudness=2e-4)), "audio_silent"),
        (media.wav(media.tone(seconds=0.2)), "audio_too_short"),
        (media.wav(media.tone(seconds=6)), "audio_too_long"),
        (media.silent_video(), "no_sound"),
    ],
)
def test_what_cannot_be_judged_is_refused(content: bytes, key: str, tmp_path: Path) -> None:
    (tmp_path / "sound.wav").write_bytes(content)
    assert refusal(content).key == refusal(tmp_path / "sound.wav").key == key


@pytest.mark.parametrize(
    ("array", "rate", "key"),
    [
        (np.zeros(0, np.float32), 16_000, "audio_empty"),
        (np.zeros((0, 2), np.int16), 16_000, "audio_empty"),
        (np.zeros(SAMPLES), 16_000, "audio_silent"),
        (np.full(SAMPLES, np.nan, np.float32), 16_000, "audio_not_finite"),
        (np.where(np.arange(SAMPLES) == 9, np.inf, media.tone()), 44_100, "audio_not_finite"),
        (media.tone() > 0, 16_000, "audio_array_wrong"),
        (media.tone().reshape(1, 1, -1), 16_000, "audio_array_wrong"),
        (media.tone(), 0, "audio_rate_wrong"),
        (media.tone(), 10**9, "audio_rate_wrong"),
        (media.tone(), "fast", "audio_rate_wrong"),
        (media.tone(seconds=6), 16_000, "audio_too_long"),
    ],
)
def test_an_array_that_cannot_be_judged_is_refused(array: np.ndarray, rate: int, key: str) -> None:
    assert refusal((array, rate)).key == key


def test_not_a_number_in_a_file_is_refused() -> None:
    assert refusal(media.float_wav(np.full(SAMPLES, np.nan, np.float32))).key == "audio_not_finite"


def test_three_hours_are_refused_at_the_limit() -> None:
    """The header tells the length, and nothing behind the limit is decoded."""
    content = media.long_wav(3 * 3600)
    error = refusal(content, Limits(audio_max_s=30, audio_bytes=10**9))
    assert error.key == "audio_too_long" and "10,800 s" in str(error) and "30 s" in str(error)
    assert refusal(content, Limits(audio_max_s=30)).key == "file_too_large"


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
def test_a_recording_of_just_the_limit_is_taken(rate: int) -> None:
    tone = media.tone(rate, seconds=30)
    for source in (media.wav(tone, rate), (tone, rate)):
        assert len(decode_audio(source, Limits())) == 30 * SAMPLE_RATE_HZ
    assert refusal((np.append(tone, np.float32(0)), rate), Limits()).key == "audio_too_long"


@pytest.mark.parametrize(("seconds", "length"), [(32.2, "32 s"), (30.2, "30.2 s"), (30.04, "30.04 s")])
def test_a_refusal_never_reads_like_what_is_allowed(seconds: float, length: str) -> None:
    for source in (media.wav(media.tone(8_000, seconds), 8_000), (media.tone(8_000, seconds), 8_000)):
        assert f"lasts {length}; at most 30 s" in str(refusal(source, Limits()))
    assert "lasts 0.39 s; at least 0.4 s" in str(refusal((media.tone(seconds=0.3999), SAMPLE_RATE_HZ)))


def test_a_length_that_nobody_tells_is_refused_too() -> None:
    raw = media.encoded("adts", "aac", 8_000, "mono")
    assert refusal(raw, Limits(audio_max_s=1.0)).key in ("audio_longer", "audio_too_long")


@pytest.mark.parametrize("playlist", ["#EXTM3U\n#EXTINF:1,\n{path}\n", "ffconcat version 1.0\nfile {path}\n"])
def test_a_playlist_opens_nothing(playlist: str, tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_bytes(media.wav(media.tone()))
    content = playlist.format(path=tmp_path / "secret.wav").encode()
    assert refusal(content).key == "not_a_sound"
    (tmp_path / "list.m3u8").write_bytes(content)
    assert refusal(tmp_path / "list.m3u8").key == "not_a_sound"


def test_the_stored_copy_is_the_same_sound_without_metadata() -> None:
    wave = decode_audio((media.tone(44_100), 44_100), LIMITS)
    stored = encode_audio(wave)
    np.testing.assert_array_equal(decode_audio(stored, LIMITS), wave)
    with av.open(io.BytesIO(stored)) as container:
        assert set(container.metadata) <= {"encoder"}
        assert container.streams.audio[0].rate == SAMPLE_RATE_HZ
