"""Pictures are taken as a person would expect, or refused in one sentence."""

import io
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from mmdemo.decode import decode_image, encode_image
from mmdemo.decode.pictures import LONG_SIDE_PX
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits
from tests.unit.mmdemo.decode import media

LIMITS = Limits()
EXACT = np.asarray(media.gradient())


def refusal(source: object, limits: Limits = LIMITS) -> BadInput:
    with pytest.raises(BadInput) as caught:
        decode_image(source, limits)  # type: ignore[arg-type]
    assert caught.value.sentence("en") and caught.value.sentence("zh")
    return caught.value


@pytest.mark.parametrize("format", ["PNG", "BMP", "TIFF", "PPM", "WEBP"])
def test_a_lossless_picture_is_taken_as_it_is(format: str) -> None:
    options = {"lossless": True} if format == "WEBP" else {}
    np.testing.assert_array_equal(decode_image(media.saved(media.gradient(), format, **options), LIMITS), EXACT)


@pytest.mark.parametrize("format", ["JPEG", "AVIF", "JPEG2000"])
def test_a_lossy_picture_comes_close(format: str) -> None:
    assert (
        np.abs(decode_image(media.saved(media.gradient(), format, quality=95), LIMITS).astype(int) - EXACT).mean() < 4
    )


def test_path_bytes_and_picture_give_the_same(tmp_path: Path) -> None:
    content = media.saved(media.gradient(), "PNG")
    (tmp_path / "picture").write_bytes(content)
    for source in (content, tmp_path / "picture", str(tmp_path / "picture"), media.gradient()):
        np.testing.assert_array_equal(decode_image(source, LIMITS), EXACT)


def test_of_an_animated_gif_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in (media.RED, (0, 0, 255))]
    content = media.saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    assert Image.open(io.BytesIO(content)).n_frames == 2
    np.testing.assert_allclose(decode_image(content, LIMITS), np.full((10, 20, 3), media.RED), atol=4)


def test_cmyk_becomes_rgb() -> None:
    content = media.saved(Image.new("RGB", (8, 8), media.RED).convert("CMYK"), "JPEG", quality=100)
    np.testing.assert_allclose(decode_image(content, LIMITS), np.full((8, 8, 3), media.RED), atol=4)


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled_and_not_clipped(format: str) -> None:
    deep = np.linspace(0, 65_535, 256).astype(np.uint16).reshape(16, 16)
    grey = decode_image(media.saved(Image.fromarray(deep), format), LIMITS)
    np.testing.assert_allclose(grey[..., 0], np.arange(256).reshape(16, 16), atol=1)
    assert (grey == grey[..., :1]).all()


def test_floating_point_grey_is_scaled() -> None:
    unit = media.saved(Image.fromarray(np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)), "TIFF")
    np.testing.assert_allclose(decode_image(unit, LIMITS)[..., 0], np.arange(256).reshape(16, 16), atol=1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_stands_on_white(mode: str) -> None:
    picture, options = Image.new("RGBA", (6, 6), (0, 0, 0, 0)), {}
    picture.paste((0, 0, 0, 255), (0, 0, 3, 6))
    if mode == "P":  # an index of its own for the half that is seen through
        picture, options = Image.new("P", (6, 6), 1), {"transparency": 1}
        picture.putpalette([0, 0, 0, 9, 9, 9])
        picture.paste(0, (0, 0, 3, 6))
    shown = decode_image(media.saved(picture.convert(mode), "PNG", **options), LIMITS)
    assert (shown[:, :3] == 0).all() and (shown[:, 3:] == 255).all()


def test_half_transparent_is_mixed_with_white() -> None:
    shown = decode_image(media.saved(Image.new("RGBA", (2, 2), (0, 0, 0, 128)), "PNG"), LIMITS)
    np.testing.assert_allclose(shown, 127, atol=1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_is_applied(orientation: int) -> None:
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # PIL's transpositions that give such a file from the upright one
    picture = media.gradient()
    turned = picture if orientation == 1 else picture.transpose(Image.Transpose(undo[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(decode_image(media.saved(turned, "PNG", exif=exif), LIMITS), EXACT)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_broken_exif_is_passed_over() -> None:
    content = media.saved(media.gradient(), "PNG", exif=b"Exif\x00\x00MM\x00*\x00\x00\xff\xff")
    np.testing.assert_array_equal(decode_image(content, LIMITS), EXACT)


def test_a_phones_heic_is_taken() -> None:
    file = io.BytesIO()
    pillow_heif.from_pillow(media.gradient(64, 48)).save(file, quality=95)
    picture = decode_image(file.getvalue(), LIMITS).astype(int)
    assert np.abs(picture - np.asarray(media.gradient(64, 48))).mean() < 5


def test_one_pixel_is_a_picture() -> None:
    content = media.saved(Image.new("RGB", (1, 1), media.RED), "PNG")
    np.testing.assert_array_equal(decode_image(content, LIMITS), [[media.RED]])


def test_a_large_picture_is_made_smaller_and_keeps_its_shape() -> None:
    assert decode_image(Image.new("RGB", (3 * LONG_SIDE_PX, 300)), LIMITS).shape[:2] == (100, LONG_SIDE_PX)
    assert decode_image(Image.new("RGB", (1, 3 * LONG_SIDE_PX)), LIMITS).shape == (LONG_SIDE_PX, 1, 3)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (b"", "image_empty"),
        (media.PLAIN_TEXT, "not_an_image"),
        (b"PK\x03\x04" + bytes(100), "not_an_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not_an_image"),
        (media.SVG, "image_is_svg"),
        (media.saved(media.gradient(200, 200), "PNG")[:300], "image_damaged"),
        (media.saved(media.gradient(200, 200), "JPEG")[:800], "image_damaged"),
        (media.huge_png(20_000), "image_too_large"),
        (media.huge_png(9_500), "image_too_large"),  # Pillow only warns of these
        (media.huge_png(7_100), "image_too_large"),
    ],
)
def test_what_is_no_picture_is_refused(content: bytes, key: str, tmp_path: Path) -> None:
    (tmp_path / "picture.jpg").write_bytes(content)
    assert refusal(content).key == refusal(tmp_path / "picture.jpg").key == key


def test_the_refusal_names_value_and_limit() -> None:
    assert "400.0 million" in str(refusal(media.huge_png(20_000))) and "50 million" in str(
        refusal(media.huge_png(20_000))
    )
    assert "0.0002 MB; at most 0.0001 MB" in str(refusal(bytes(200), Limits(image_bytes=100)))
    assert "PNG" in str(refusal(media.SVG))


def test_a_damaged_picture_is_told_in_the_readers_language_alone() -> None:
    cut = refusal(media.saved(media.gradient(200, 200), "PNG")[:300])
    assert not any(sign.isascii() and sign.isalpha() for sign in cut.sentence("zh"))


def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path, "a\0b"):
        assert refusal(path).key == "file_missing"


def test_the_stored_copy_is_the_same_picture_without_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    picture = decode_image(media.saved(media.gradient(), "JPEG", exif=exif, comment=b"where I live"), LIMITS)
    stored = encode_image(picture)
    np.testing.assert_array_equal(decode_image(stored, LIMITS), picture)
    assert not {"exif", "comment", "icc_profile", "xmp"} & set(Image.open(io.BytesIO(stored)).info)
