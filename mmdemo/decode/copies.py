"""Small copies of what was decoded, for pages: pictures shrunk, and content as a data URL.

Whatever is shown of a sample travels inside the page, so that no file of anybody is ever served by an address.
"""

import base64
import io

import numpy as np
from PIL import Image

QUALITY = {"JPEG": 82, "WEBP": 70, "PNG": -1}  # format → as Pillow counts; PNG loses nothing


def shrunk(image: np.ndarray, most_px: int | tuple[int, int]) -> Image.Image:
    """Return a picture (height, width, 3) uint8 such that it fits into width and height, or a square; never larger."""
    picture = Image.fromarray(image)
    picture.thumbnail(most_px if isinstance(most_px, tuple) else (most_px, most_px))
    return picture


def encoded(picture: Image.Image, form: str = "JPEG") -> bytes:
    """Return a picture as a file of a format of QUALITY, without metadata."""
    file = io.BytesIO()
    picture.save(file, form, quality=QUALITY[form])
    return file.getvalue()


def picture_url(picture: Image.Image, form: str = "JPEG") -> str:
    """Return a picture as a data URL, in a format of QUALITY."""
    return data_url(f"image/{form.lower()}", encoded(picture, form))


def picture_of(url: str) -> Image.Image:
    """Return the picture of a data URL."""
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


def data_url(kind: str, content: bytes) -> str:
    """Return content of a media type as a data URL, "" for none."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}" if content else ""
