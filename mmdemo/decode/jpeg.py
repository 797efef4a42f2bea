"""What a JPEG's markers tell, and how much there is of one that was cut off."""

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

SIGNATURE = b"\xff\xd8"
MOST_SCANS = 100  # cameras write 1, browsers' tools about 10; each reads all coefficients again …
MOST_SCANNED_PIXELS = 600_000_000  # … so all of them together are limited too: some two seconds
MOST_BEFORE = 16  # bytes before the first marker, that somebody else put there
_START_OF_SCAN, _PROGRESSIVE, _END = 0xDA, 0xC2, 0xD9
_BARE = {0x01, 0xD8}  # without a length
_MARKER = re.compile(rb"\xff+([\x01-\xcf\xd8-\xfe])")  # neither a stuffed byte nor a restart
_COEFFICIENTS = 64  # of a block, from its mean to its finest
_COARSE = 6  # so many of brightness, of each colour its mean: what a picture is recognised by


@dataclass(frozen=True)
class Presence:
    """How much there is of a JPEG."""

    rows: float  # share, 0 to 1, that is there; of a progressive one at least coarsely
    fine: bool  # whether nothing is missing of these rows


@dataclass(frozen=True)
class _Segment:
    kind: int
    start: int  # in bytes
    body: bytes  # behind its length
    whole: bool  # whether its end is there


def count_scans(content: bytes) -> int:
    """Return how many scans stand before the end of the picture; one more than MOST_SCANS at most."""
    scans = (segment for segment in _segments(content) if segment.kind == _START_OF_SCAN)
    return sum(1 for _ in islice(scans, MOST_SCANS + 1))


def from_start(content: bytes) -> bytes:
    """Return a JPEG from its first marker on, where a few bytes stand before it."""
    at = content.find(SIGNATURE + b"\xff", 0, MOST_BEFORE)
    return content[at:] if at > 0 else content


def ended(content: bytes) -> bytes:
    """Return a JPEG that was cut off, with an end; what it holds of a marker that was cut through is left out."""
    return _before_cut(content) + bytes((0xFF, _END))


def presence(content: bytes) -> Presence:
    """Return how much there is of a JPEG that was cut off. Raises what Pillow raises where that can't be told.

    Rows that are there stay the same whatever comes behind the cut. Of a progressive one each scan makes all rows
    better: only what comes behind its coarse picture may be missing altogether.
    """
    content = _before_cut(content)
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as picture:
        if not picture.info.get("progressive"):
            size = picture.width // 8, picture.height // 8  # each block as one pixel
            return Presence(_same_rows(content, size), True)
    *before, now = _bits_missing(content)
    rows = _same_rows(content)
    if before and _is_coarse(before[-1]):
        return Presence(1.0, rows == 1.0 and not now.any())
    return Presence(rows if _is_coarse(now) else 0.0, False)


def _same_rows(content: bytes, size: tuple[int, int] | None = None) -> float:
    """Return the share of rows, from the top, that stay the same whatever follows."""
    pixels = []
    for behind in (b"\0", b"\xaa"):
        with Image.open(io.BytesIO(content + behind * 256 + bytes((0xFF, _END))), formats=["JPEG"]) as picture:
            if size:
                picture.draft(None, size)
            pixels.append(np.asarray(picture.convert("RGB")))  # (rows, columns, 3)
    same = (pixels[0] == pixels[1]).all(axis=(1, 2))
    return float(same.argmin() if not same.all() else len(same)) / len(same)


def _bits_missing(content: bytes) -> list[np.ndarray]:
    """Return after each scan of a progressive JPEG, as (components, 64) int, how many bits of coefficients are missing.

    Of one that no scan has brought yet all are: 16.
    """
    names: list[int] = []
    missing, after = np.empty((0, _COEFFICIENTS), int), []
    for segment in _segments(content):
        if segment.kind == _PROGRESSIVE:
            names = list(segment.body[6::3])
            missing = np.full((len(names), _COEFFICIENTS), 16)
        elif segment.kind == _START_OF_SCAN:
            count = segment.body[0]
            first, last, bits = segment.body[1 + 2 * count :][:3]
            rows = [names.index(name) for name in segment.body[1 : 1 + 2 * count : 2]]
            missing[rows, first : last + 1] = bits & 0xF
            after.append(missing.copy())
    return after


def _is_coarse(missing: np.ndarray) -> bool:
    return bool((missing[:, 0] < 16).all() and (missing[0, :_COARSE] < 16).all())


def _before_cut(content: bytes) -> bytes:
    cut = next((segment.start for segment in _segments(content) if not segment.whole), None)  # there is one at most
    return content[:cut]


def _segments(content: bytes) -> Iterator[_Segment]:
    """Yield the markers with what belongs to them, up to the end; what scans hold is passed over."""
    at = len(SIGNATURE)
    while (marker := _MARKER.search(content, at)) and marker[1][0] != _END:
        kind, at = marker[1][0], marker.end()
        length = 0 if kind in _BARE else max(2, int.from_bytes(content[at : at + 2]))
        yield _Segment(kind, marker.start(), content[at + 2 : at + length], at + length <= len(content))
        at += length
