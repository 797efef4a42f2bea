"""Pictures and sounds that are not quite right are taken for what they hold; where much is missing, that is said."""

import io
import re
import zlib

import numpy as np
import pytest
from PIL import Image

from mmdemo import locale
from mmdemo.decode import SAMPLE_RATE_HZ, decode, decode_audio, decode_image, decode_untrusted, read
from mmdemo.decode.pictures import COARSE, CUT, read_image
from mmdemo.decode.sounds import HEARD, read_audio
from mmdemo.errors import BadInput
from mmdemo.settings import ROOT
from mmdemo.tasks import Limits
from mmdemo.values.samples import Sample
from tests import tiny
from tests.unit.mmdemo.decode import media

LIMITS = Limits()
EXACT = np.asarray(media.gradient())
RED_IN_P3 = (234, 51, 35)  # what a wide screen is told to show sRGB's red


def chunks(*added: bytes) -> bytes:
    """Return a PNG with chunks behind its header."""
    content, header_end = media.saved(media.gradient(), "PNG"), 33
    return content[:header_end] + b"".join(added) + content[header_end:]


def spoiled(kind: bytes, body: bytes) -> bytes:
    """Return a chunk whose checksum is wrong."""
    return media.chunk(kind, body)[:-1] + bytes([media.chunk(kind, body)[-1] ^ 1])


@pytest.mark.parametrize(
    "added",
    [
        spoiled(b"tEXt", b"Comment\0hello"),
        spoiled(b"gAMA", b"\0\0\xb1\x8f"),
        spoiled(b"tRNS", b"\0\1\0\1\0\1"),
        media.chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(5_000_000))),
        media.chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(bytes(5_000_000))),
        media.chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(5_000_000))),
        media.chunk(b"iCCP", b"profile\0\0no profile"),
        media.chunk(b"tEXt", b"Comment\0" + b"x" * 2_000_000),
    ],
)
def test_a_png_is_its_pixels(added: bytes) -> None:
    np.testing.assert_array_equal(decode_image(chunks(added), LIMITS), EXACT)


def test_a_png_whose_pixels_are_wrong_is_refused() -> None:
    content = bytearray(media.saved(media.gradient(200, 200), "PNG"))
    content[content.index(b"IDAT") + 40] ^= 255
    with pytest.raises(BadInput):
        decode_image(bytes(content), LIMITS)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_wide_screens_colours_become_srgb(mode: str) -> None:
    picture = Image.new("RGB", (8, 8), RED_IN_P3).convert(mode, palette=Image.Palette.ADAPTIVE)
    shown = decode_image(media.saved(picture, "PNG", icc_profile=media.matrix_profile()), LIMITS)
    np.testing.assert_allclose(shown, np.broadcast_to((255, 0, 0), (8, 8, 3)), atol=8)
    np.testing.assert_array_equal(decode_image(media.saved(picture, "PNG"), LIMITS)[0, 0], RED_IN_P3)


def test_a_press_profile_says_what_its_inks_look_like() -> None:
    inks = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    plain, meant = (
        decode_image(media.saved(inks, "TIFF", **options), LIMITS)[0, 0]
        for options in ({}, {"icc_profile": media.press_profile()})
    )
    assert plain.tolist() == [0, 255, 255]
    assert int(meant[0]) > int(meant[1]) + 30  # red, as the profile has it, not cyan


def test_a_profile_that_is_none_changes_nothing() -> None:
    for profile in (b"nonsense", media.matrix_profile()[:200], media.press_profile()):
        content = media.saved(media.gradient(), "PNG", icc_profile=profile)
        np.testing.assert_array_equal(decode_image(content, LIMITS), EXACT)


def test_bytes_before_a_jpeg_are_passed_over() -> None:
    content = media.saved(media.gradient(), "JPEG")
    np.testing.assert_array_equal(decode_image(b"\n" + content, LIMITS), decode_image(content, LIMITS))
    with pytest.raises(BadInput):
        decode_image(bytes(100) + content, LIMITS)


def noise_jpeg(rows: int = 800) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (rows, 400, 3), np.uint8)
    return media.saved(Image.fromarray(noise), "JPEG", quality=85)


def test_a_jpeg_without_its_end_marker_is_whole() -> None:
    content = noise_jpeg()
    picture, notes = read_image(content[:-2], LIMITS)
    np.testing.assert_array_equal(picture, decode_image(content, LIMITS))
    assert notes == ()


def test_a_jpeg_that_lacks_its_last_rows_is_taken_and_said_to_be_cut() -> None:
    content = noise_jpeg()
    for share in (0.97, 0.99):
        picture, notes = read_image(content[: int(len(content) * share)], LIMITS)
        assert notes == (CUT,) and all(locale.text(f"note.{CUT}", language) for language in locale.LANGUAGES)
        np.testing.assert_array_equal(picture[:750], decode_image(content, LIMITS)[:750])


@pytest.mark.parametrize("share", [0.3, 0.7, 0.9])
def test_a_jpeg_that_lacks_more_is_refused(share: float) -> None:
    content = noise_jpeg()
    with pytest.raises(BadInput) as caught:
        decode_image(content[: int(len(content) * share)], LIMITS)
    assert caught.value.key == "image_damaged"


@pytest.fixture(scope="module")
def progressive() -> bytes:
    """A photograph that comes scan by scan, each finer than the one before."""
    with Image.open(ROOT / "mmdemo" / "tasks" / "examples" / "cat.webp") as picture:
        return media.saved(picture.convert("RGB"), "JPEG", progressive=True, quality=90)


def scans(content: bytes) -> list[int]:
    """Return where the scans of a progressive JPEG begin: means, coarse brightness, the colours, all that is finer."""
    return [match.start() for match in re.finditer(b"\xff\xda", content)]


def differences(picture: np.ndarray, content: bytes) -> np.ndarray:
    """Return by how much each row differs from that of the whole picture, of 255."""
    return np.abs(picture.astype(int) - decode_image(content, LIMITS)).mean(axis=(1, 2))


def test_a_progressive_jpeg_without_its_end_marker_is_whole(progressive: bytes) -> None:
    picture, notes = read_image(progressive[:-2], LIMITS)
    np.testing.assert_array_equal(picture, decode_image(progressive, LIMITS))
    assert notes == ()


@pytest.mark.parametrize("scan", range(2, 10))
def test_a_progressive_jpeg_is_taken_once_all_rows_are_coarsely_there(progressive: bytes, scan: int) -> None:
    starts = [*scans(progressive), len(progressive) - 2]
    assert len(starts) == 11
    in_the_middle = (starts[scan] + starts[scan + 1]) // 2
    for end in (starts[scan], starts[scan] + 5, in_the_middle):
        picture, notes = read_image(progressive[:end], LIMITS)
        assert notes == (COARSE,) and all(locale.text(f"note.{COARSE}", language) for language in locale.LANGUAGES)
        assert differences(picture, progressive).max() < 25  # no row is grey


@pytest.mark.parametrize(("scan", "share"), [(0, 0.5), (0, 1.0), (1, 0.3), (1, 0.8)])
def test_one_that_lacks_rows_or_their_coarse_picture_is_refused(progressive: bytes, scan: int, share: float) -> None:
    start, end = scans(progressive)[scan : scan + 2]
    with pytest.raises(BadInput) as caught:
        decode_image(progressive[: int(start + share * (end - start))], LIMITS)
    assert caught.value.key == "image_damaged"


def test_one_that_lacks_its_last_rows_is_said_to_be_cut(progressive: bytes) -> None:
    start, end = scans(progressive)[1:3]
    picture, notes = read_image(progressive[: int(start + 0.985 * (end - start))], LIMITS)
    assert notes == (CUT,)
    assert differences(picture, progressive)[: int(0.9 * len(picture))].max() < 25


def tone_with_gap(form: str, codec: str, gap: int) -> bytes:
    """Return five seconds of a tone, of which so many bytes in the middle are zero."""
    content = bytearray(media.encoded(form, codec, 48_000, "mono", seconds=5.0))
    content[len(content) // 2 : len(content) // 2 + gap] = bytes(gap)
    return bytes(content)


@pytest.mark.parametrize(("form", "codec"), [("mp3", "libmp3lame"), ("mp4", "aac"), ("flac", "flac"), ("adts", "aac")])
def test_a_gap_costs_what_it_holds_and_no_more(form: str, codec: str) -> None:
    wave, notes = read_audio(tone_with_gap(form, codec, 500), LIMITS)
    assert len(wave) / SAMPLE_RATE_HZ > 4.8 and notes == ()


@pytest.mark.parametrize(("form", "codec"), [("mp3", "libmp3lame"), ("flac", "flac"), ("webm", "libopus")])
def test_where_much_is_missing_the_answer_says_so(form: str, codec: str) -> None:
    whole = tone_with_gap(form, codec, 0)
    assert read_audio(whole, LIMITS)[1] == ()
    wave, notes = read_audio(tone_with_gap(form, codec, len(whole) // 3), LIMITS)
    assert 2 < len(wave) / SAMPLE_RATE_HZ < 4 and notes == ("sound_three_quarters",)
    assert all(locale.text(f"note.{note}", language) for _, note in HEARD for language in locale.LANGUAGES)


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("balance", [1.0, 0.95])
def test_channels_that_cancel_each_other_are_heard(rate: int, balance: float) -> None:
    both = np.stack([media.tone(rate), -balance * media.tone(rate)], axis=1)
    alone = decode_audio(media.wav(media.tone(rate), rate), LIMITS)
    for source in (media.wav(both, rate), (both, rate)):
        np.testing.assert_allclose(decode_audio(source, LIMITS), alone, atol=0.02)


def test_one_spike_leaves_the_rest_audible() -> None:
    wave = media.tone()
    wave[4_000] = 5_000.0
    for source in (media.float_wav(wave), (wave, SAMPLE_RATE_HZ)):
        sound = decode_audio(source, LIMITS)
        np.testing.assert_allclose(np.delete(sound, 4_000), np.delete(media.tone(), 4_000), atol=1e-3)
        assert abs(sound[4_000]) <= 1


def test_what_is_missing_is_said_with_the_answer(tmp_path: object) -> None:
    task = tiny.task(tmp_path)  # type: ignore[arg-type]
    sample = Sample(image=noise_jpeg()[:-3_000], audio=tone_with_gap("webm", "libopus", 9_000))
    own, apart = decode(sample, task), decode_untrusted(sample, task)
    assert own.notes == apart.notes == (CUT, "sound_three_quarters")
    again = decode(read(sample, task), task)
    assert (again.notes, again.original) == (own.notes, own.original)


def test_a_stored_copy_has_the_colours_that_were_judged() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), RED_IN_P3).save(file, "JPEG", icc_profile=media.matrix_profile(), quality=95)
    judged = decode_image(file.getvalue(), LIMITS)
    np.testing.assert_allclose(judged, np.broadcast_to((255, 0, 0), (8, 8, 3)), atol=12)
