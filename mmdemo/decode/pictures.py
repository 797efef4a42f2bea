"""Pictures as people send them ↔ upright sRGB arrays: what is judged, stored and shown is the same.

Of a PNG only what its pixels need is read: a wrong checksum elsewhere, or megabytes of text, refuse no picture.
"""

import io
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from mmdemo.decode import files, jpeg
from mmdemo.decode.files import Notes
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits

LONG_SIDE_PX = 2_048  # larger pictures are made smaller: far above what any encoder reads, small enough to keep
FORMATS = ("AVIF", "BMP", "GIF", "HEIF", "ICO", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# A JPEG 2000 of a few bytes promises millions of pixels, each of which takes as long as in a real one.
JP2_PIXELS, JP2_PIXELS_PER_BYTE = 4_000_000, 100
FEWEST_ROWS = 0.95  # share of a JPEG's rows, under which a picture that was cut off is refused
CUT, COARSE = "picture_cut", "picture_coarse"
_NOTHING = jpeg.Presence(0.0, False)
_WHITE = (255, 255, 255, 255)
_HIGHEST = {"F": (1.0, 255.0, 65_535.0), "I": (255.0, 65_535.0)}  # what white may be; else it is 16 bits
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, RuntimeError, struct.error)
_SPACES = {"RGB": "RGB ", "RGBA": "RGB ", "CMYK": "CMYK"}  # Pillow's mode → what an ICC profile calls it
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_PROFILE_BYTES = 1_000_000  # of a colour profile, unpacked
_KEPT_CHUNKS = (b"tRNS", b"iCCP", b"eXIf")  # of what is not critical: transparency, colours, which side is up
_HEAD = struct.Struct(">I4s")
_CHECKSUM_BYTES = 4


def decode_image(source: Path | str | bytes | Image.Image, limits: Limits) -> np.ndarray:
    """Return a picture as (height, width, 3) uint8 sRGB, upright, on white. Raises BadInput.

    Of an animated picture it is the first frame; its longer side has at most LONG_SIDE_PX.
    """
    return read_image(source, limits)[0]


def read_image(source: Path | str | bytes | Image.Image, limits: Limits) -> tuple[np.ndarray, Notes]:
    """Return what `decode_image` does, and what of it is missing: keys under [note]. Raises BadInput."""
    if isinstance(source, Image.Image):
        return _decoded(source, limits, ours=False), ()
    content = files.content(source, limits.image_bytes, "image_empty")
    try:
        return _decoded(content, limits), ()
    except BadInput as refusal:
        present = _presence(content) if refusal.key == "image_damaged" else _NOTHING
        if present.rows < FEWEST_ROWS:
            raise
        notes = (CUT,) if present.rows < 1 else () if present.fine else (COARSE,)
        return _decoded(jpeg.ended(jpeg.from_start(content)), limits), notes


def _decoded(source: bytes | Image.Image, limits: Limits, ours: bool = True) -> np.ndarray:
    try:
        picture = _open(source, limits) if isinstance(source, bytes) else source
        _check_size(picture, limits)
        picture.load()
        _check_size(picture, limits)  # some formats tell their size only now: an icon holds whole files
        return _rgb(_in_srgb(_upright(picture, ours)))
    except MemoryError as error:
        raise BadInput("image_costly") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = next(int(word) for word in str(error).replace("(", "").split() if word.isdigit())
        raise _too_large(pixels, limits) from error
    except _DAMAGED as error:
        raise BadInput("image_damaged") from error


def encode_image(image: np.ndarray) -> bytes:
    """Return a picture (height, width, 3) uint8 as a WebP that loses nothing and carries no metadata."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "WEBP", lossless=True, quality=20, method=1)
    return file.getvalue()


def _open(content: bytes, limits: Limits) -> Image.Image:
    if content.startswith(PNG_SIGNATURE):
        content = png_pixels(content)
    scans = jpeg.count_scans(content) if content.startswith(jpeg.SIGNATURE) else 0
    if scans > jpeg.MOST_SCANS:
        raise BadInput("image_scans", limit=jpeg.MOST_SCANS)
    _register_formats()
    try:
        picture = Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError as error:
        if (inner := jpeg.from_start(content)) != content:
            return _open(inner, limits)
        head = content[:1_000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
        raise BadInput("image_is_svg" if head.startswith(b"<") and b"<svg" in head else "not_an_image") from error
    pixels = picture.width * picture.height
    if scans * pixels > jpeg.MOST_SCANNED_PIXELS and pixels <= limits.image_pixels:
        raise BadInput("image_costly")
    if picture.format == "JPEG2000" and pixels > JP2_PIXELS + JP2_PIXELS_PER_BYTE * len(content):
        raise BadInput("image_costly")
    return picture


def _presence(content: bytes) -> jpeg.Presence:
    """Return how much there is of a damaged picture: nothing where it is no JPEG."""
    try:
        return jpeg.presence(jpeg.from_start(content))
    except (*_DAMAGED, MemoryError):
        return _NOTHING


def _check_size(picture: Image.Image, limits: Limits) -> None:
    longest = max(picture.size)
    if longest > limits.image_side:
        raise BadInput("image_too_long", side=longest, limit=limits.image_side)
    if picture.width * picture.height > limits.image_pixels:
        raise _too_large(picture.width * picture.height, limits)


def _too_large(pixels: int, limits: Limits) -> BadInput:
    most = limits.image_pixels / 1e6
    return BadInput("image_too_large", megapixels=files.beyond(pixels / 1e6, most, 1), limit=f"{most:g}")


@cache
def _register_formats() -> None:
    Image.init()
    pillow_heif.register_heif_opener()


def _upright(picture: Image.Image, ours: bool) -> Image.Image:
    """Return the picture upright; where it is ours alone it is turned itself, for a copy would double its memory."""
    try:
        if not ours:
            return ImageOps.exif_transpose(picture)
        ImageOps.exif_transpose(picture, in_place=True)
    except _DAMAGED:  # broken EXIF tells nothing: the picture is taken as it is
        pass
    return picture


def _in_srgb(picture: Image.Image) -> Image.Image:
    """Return the picture as RGB or RGBA, its longer side at most LONG_SIDE_PX, in the colours of its profile."""
    if picture.mode != "CMYK" or not profile_of(picture):
        picture = _eight_bit(picture)
    profile = profile_of(picture)
    picture = _smaller(picture)
    return _eight_bit(to_srgb(picture, profile)) if profile else picture


def _smaller(picture: Image.Image) -> Image.Image:
    scale = LONG_SIDE_PX / max(picture.size)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BICUBIC)


def _rgb(picture: Image.Image) -> np.ndarray:
    if picture.mode == "RGBA":
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, _WHITE), picture)
    return np.array(picture if picture.mode == "RGB" else picture.convert("RGB"))  # (height, width, 3)


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Return the picture as RGB or, where some of it may be transparent, RGBA; deeper grey is scaled, not clipped."""
    if picture.mode[0] in _HIGHEST:
        return _scaled_grey(picture).convert("RGB")
    transparent = "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA", "La", "RGBa")
    mode = "RGBA" if transparent else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _scaled_grey(picture: Image.Image) -> Image.Image:
    grey = np.nan_to_num(np.asarray(picture, np.float32))
    peak = float(grey.max())
    white = next((step for step in _HIGHEST.get(picture.mode, (65_535.0,)) if peak <= step), peak)
    return Image.fromarray(np.clip(np.rint(grey * (255 / white)), 0, 255).astype(np.uint8))


def profile_of(picture: Image.Image) -> ImageCms.ImageCmsProfile | None:
    """Return the profile that a picture's colours need, None for sRGB, none, or one that can't be used."""
    content = picture.info.get("icc_profile")
    if not content:
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(content))
        srgb = "srgb" in ImageCms.getProfileDescription(profile).lower()
        return None if srgb or profile.profile.xcolor_space != _SPACES.get(picture.mode) else profile
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None


def to_srgb(picture: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    """Return a picture (RGB, RGBA, CMYK) in sRGB, RGB or RGBA; as it is where the profile can't be applied."""
    alpha = picture.getchannel("A") if picture.mode == "RGBA" else None
    try:
        converted = ImageCms.profileToProfile(
            picture.convert("RGB") if alpha else picture, profile, ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
    except (ImageCms.PyCMSError, ValueError):
        return picture
    assert converted is not None, "only a conversion in place returns nothing"
    if alpha:
        converted.putalpha(alpha)
    return converted


def png_pixels(content: bytes) -> bytes:
    """Return a PNG with its critical chunks, as they are, and those others that change what is seen and are sound."""
    kept, at = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while len(content) - at >= _HEAD.size:
        length, kind = _HEAD.unpack_from(content, at)
        end = at + _HEAD.size + length + _CHECKSUM_BYTES
        critical = not kind[0] & 0x20  # written with a capital letter
        if critical or (kind in _KEPT_CHUNKS and _is_sound_chunk(kind, content[at + 4 : end])):
            kept.append(content[at:end])
        at = end
    return b"".join(kept)


def _is_sound_chunk(kind: bytes, chunk: bytes) -> bool:
    """Tell whether a chunk, from its kind to its checksum, is what it says and of a bearable size."""
    body, checksum = chunk[4:-_CHECKSUM_BYTES], chunk[-_CHECKSUM_BYTES:]
    if zlib.crc32(kind + body) != int.from_bytes(checksum):
        return False
    if kind != b"iCCP":
        return True
    _, _, packed = body.partition(b"\0")
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed[1:], _MOST_PROFILE_BYTES)
    except zlib.error:
        return False
    return unpacking.eof
