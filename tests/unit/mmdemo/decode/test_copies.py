"""What pages show of a sample is small, and stands in the page itself."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from mmdemo.decode import data_url, encoded, picture_url, shrunk
from mmdemo.decode.copies import QUALITY

WIDE = np.tile(np.linspace(0, 255, 400).astype(np.uint8)[None, :, None], (100, 1, 3))  # (100, 400, 3)


@pytest.mark.parametrize(("most", "size"), [(200, (200, 50)), ((200, 25), (100, 25)), (1000, (400, 100))])
def test_a_picture_is_shrunk_as_it_is_and_never_grows(most: int | tuple[int, int], size: tuple[int, int]) -> None:
    assert shrunk(WIDE, most).size == size


@pytest.mark.parametrize("form", QUALITY)
def test_a_picture_stands_in_its_url(form: str) -> None:
    head, content = picture_url(shrunk(WIDE, 200), form).split(";base64,")
    picture = Image.open(io.BytesIO(base64.b64decode(content)))
    assert (head, picture.format, picture.size) == (f"data:image/{form.lower()}", form, (200, 50))
    assert not picture.getexif() and encoded(shrunk(WIDE, 200), form) == base64.b64decode(content)
    assert np.abs(np.asarray(picture.convert("RGB"), int) - np.asarray(shrunk(WIDE, 200), int)).mean() < 2


def test_of_nothing_there_is_no_url() -> None:
    assert data_url("audio/flac", b"") == ""
    assert data_url("text/plain", b"hello") == "data:text/plain;base64,aGVsbG8="
