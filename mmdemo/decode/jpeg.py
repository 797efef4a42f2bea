"""What a JPEG's markers tell, and how much there is of one that was cut off."""

import io
import re

import numpy as np
from PIL import Image

SIGNATURE = b"\xff\xd8"
MOST_SCANS = 100  # cameras write 1, browsers' tools about 10; each reads all coefficients again
MOST_BEFORE = 16  # bytes before the first marker, that somebody else put there
_START_OF_SCAN, _END = 0xDA, 0xD9
_BARE = {0x01, 0xD8}  # without a length
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # neither a stuffed byte nor a restart


def has_too_many_scans(content: bytes) -> bool:
    """Tell whether more than MOST_SCANS scans stand before the end of the picture."""
    scans, at = 0, len(SIGNATURE)
    while scans <= MOST_SCANS and (marker := _MARKER.search(content, at)):
        kind, at = marker[1][0], marker.end()
        if kind == _END:
            break
        scans += kind == _START_OF_SCAN
        if kind not in _BARE:
            at += max(2, int.from_bytes(content[at : at + 2]))
    return scans > MOST_SCANS


def from_start(content: bytes) -> bytes:
    """Return a JPEG from its first marker on, where a few bytes stand before it."""
    at = content.find(SIGNATURE + b"\xff", 0, MOST_BEFORE)
    return content[at:] if at > 0 else content


def ended(content: bytes) -> bytes:
    """Return a JPEG that was cut off, with an end."""
    return content + bytes((0xFF, _END))


def rows_present(content: bytes) -> float:
    """Return the share of rows that a JPEG really holds which was cut off, 0 to 1; 0 where that can't be told.

    Rows that are there stay the same whatever comes behind the cut.
    """
    found = []
    for behind in (b"\0", b"\xaa"):
        with Image.open(io.BytesIO(ended(content + behind * 256)), formats=["JPEG"]) as picture:
            if picture.info.get("progressive"):
                return 0.0  # each scan would have made all rows better
            picture.draft(None, (picture.width // 8, picture.height // 8))  # each block as one pixel
            found.append(np.asarray(picture.convert("L"), np.int16))
    same = (found[0] == found[1]).all(axis=1)
    return float(same.argmin() if not same.all() else len(same)) / len(same)
