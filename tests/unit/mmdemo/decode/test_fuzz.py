"""Files that were valid and are so no more: each is answered or refused in one sentence, and no reader ends."""

from collections.abc import Iterator

import numpy as np
import pytest

from mmdemo.decode import pool
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits
from tests.unit.mmdemo.decode import media

COUNT = 500
LIMITS = Limits(audio_min_s=0.1, audio_max_s=5.0)
EXTREMES = (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1", b"\1\0\0\0")


def pictures() -> list[bytes]:
    """Return one small picture of each format."""
    small, grey = media.gradient(40, 30), media.gradient(40, 30).convert("L")
    written = [media.saved(small, name) for name in ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "JPEG2000", "AVIF")]
    turned = media.saved(small, "JPEG", progressive=True), media.saved(small, "TIFF", compression="tiff_lzw")
    return [*written, *turned, media.saved(grey, "PPM"), media.saved(small, "ICO", sizes=[(16, 16)])]


def sounds() -> list[bytes]:
    """Return one short sound of each format."""
    kinds = (("webm", "libopus"), ("mp4", "aac"), ("ogg", "libopus"), ("mp3", "libmp3lame"), ("flac", "flac"))
    written = [media.encoded(form, codec, 48_000, "stereo") for form, codec in kinds]
    short = media.tone(8_000, 0.5)
    return [
        *written,
        media.wav(short, 8_000),
        media.float_wav(short, 8_000),
        media.encoded("adts", "aac", 8_000, "mono"),
    ]


def damaged(content: bytes, noise: np.random.Generator) -> bytes:
    """Return a file with a few bytes, lengths or stretches that are not what they were."""
    content_after = bytearray(content)
    for _ in range(noise.integers(1, 5)):
        # Where a format tells its sizes: mostly at the start.
        at = int(
            noise.integers(len(content_after)) if noise.random() < 0.5 else noise.integers(min(200, len(content_after)))
        )
        kind, until = noise.integers(6), at + int(noise.integers(1, 64))
        if kind == 0:
            content_after[at] ^= 1 << int(noise.integers(8))
        elif kind == 1:
            content_after[at : at + 4] = EXTREMES[noise.integers(len(EXTREMES))]
        elif kind == 2:
            content_after[at:until] = noise.bytes(until - at)
        elif kind == 3:
            del content_after[at:until]
        elif kind == 4:
            content_after[at:at] = content_after[at:until] * int(noise.integers(1, 20))
        else:
            del content_after[max(at, 8) :]
    return bytes(content_after)


@pytest.fixture(scope="module")
def readers() -> Iterator[pool.DecoderPool]:
    readers = pool.DecoderPool(1)
    yield readers
    readers.close()


@pytest.mark.slow
@pytest.mark.parametrize(("modality", "valid"), [("image", pictures), ("audio", sounds)])
def test_damaged_files_are_answered_or_refused(modality: str, valid: object, readers: pool.DecoderPool) -> None:
    assert callable(valid)
    originals, noise, refused = valid(), np.random.default_rng(27), 0
    for content in originals:
        assert readers.read(modality, content, LIMITS)[0].size > 0
    before = readers.pids
    for number in range(COUNT):
        try:
            assert readers.read(modality, damaged(originals[number % len(originals)], noise), LIMITS)[0].size > 0
        except BadInput as error:
            refused += 1
            assert all(error.sentence(language) for language in ("en", "zh"))
            assert error.key not in (f"{modality}_costly", f"{modality}_ended_reader"), number
    assert COUNT * 0.2 < refused < COUNT
    assert readers.pids == before
