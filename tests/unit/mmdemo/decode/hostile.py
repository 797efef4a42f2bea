"""Small files that cost much: each promises little where it is asked, and multiplies later."""

import io
import re
import struct
import zlib

import av
import numpy as np
from av.audio.frame import AudioFrame
from PIL import Image

from tests.unit.mmdemo.decode import media

_FLAC_RATE_AT = 18  # of STREAMINFO, 20 bits
_SCAN = re.compile(rb"\xff\xda.*?(?=\xff[\xc0-\xcf\xd8-\xfe])", re.DOTALL)


def lying_flac(frames_hz: int = 192_000, stream_hz: int = 8_000, seconds: float = 20.0) -> bytes:
    """Return a FLAC whose frames are of another rate than its stream: at that of the stream they last far longer."""
    file = io.BytesIO()
    with av.open(file, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=frames_hz, layout="mono", format="s16")
        samples = (np.sign(media.tone(frames_hz, seconds, 1.0)) * 9_000).astype(np.int16)
        frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
        frame.rate = frames_hz
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    content = bytearray(file.getvalue())
    kept = int.from_bytes(content[_FLAC_RATE_AT : _FLAC_RATE_AT + 3]) & 0xF
    content[_FLAC_RATE_AT : _FLAC_RATE_AT + 3] = (stream_hz << 4 | kept).to_bytes(3)
    return bytes(content)


def crowded_mp4(tracks: int = 20, samples: int = 50_000_000) -> bytes:
    """Return an MP4 of tracks that promise so many samples of one byte each, in tables of one entry."""
    return _box("ftyp", b"M4A \0\0\0\0M4A isom") + _box(
        "moov", _full("mvhd", struct.pack(">IIII", 0, 0, 1_000, 1_000) + bytes(80)), *[_track(samples)] * tracks
    )


def long_png(width: int, height: int = 1) -> bytes:
    """Return a black PNG of any shape, of a few kilobytes a million pixels."""
    rows = zlib.compressobj(1)
    line = b"\0" * (1 + 3 * width)
    data = b"".join([*(rows.compress(line) for _ in range(height)), rows.flush()])
    return media.png(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), data)


def many_scans(scans: int, side: int = 2_000) -> bytes:
    """Return a progressive JPEG, one of whose scans is there so many times."""
    content = media.saved(Image.new("RGB", (side, side), media.RED), "JPEG", progressive=True)
    first = _SCAN.search(content)
    assert first
    return content[: first.end()] + first[0] * (scans - 1) + content[first.end() :]


def large_jp2(width: int, height: int) -> bytes:
    """Return a JPEG 2000 of one colour: hundreds of bytes, whatever its size."""
    small = bytearray(media.saved(Image.new("RGB", (64, 64), media.RED), "JPEG2000", no_jp2=True, num_resolutions=1))
    return _resized(bytes(small), width, height)


def full_icon(side: int) -> bytes:
    """Return an icon whose directory says 16 × 16 of a PNG of side × side."""
    inside = long_png(side, side)
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inside), 22) + inside


def _resized(codestream: bytes, width: int, height: int) -> bytes:
    """Write another size into the SIZ marker of a JPEG 2000 codestream: of the picture, and of its only tile."""
    at = codestream.index(b"\xff\x51") + 6
    sizes = struct.pack(">IIIIII", width, height, 0, 0, width, height)
    return codestream[:at] + sizes + codestream[at + len(sizes) :]


def _track(samples: int) -> bytes:
    entry = struct.pack(">I4s", 36, b"mp4a") + bytes(6) + struct.pack(">HIIHHHHI", 1, 0, 0, 1, 16, 0, 0, 8_000 << 16)
    tables = _box(
        "stbl",
        _full("stsd", struct.pack(">I", 1) + entry),
        _full("stts", struct.pack(">III", 1, samples, 1_024)),
        _full("stsc", struct.pack(">IIII", 1, 1, samples, 1)),
        _full("stsz", struct.pack(">II", 1, samples)),
        _full("stco", struct.pack(">II", 1, 0)),
    )
    media_box = _box(
        "mdia",
        _full("mdhd", struct.pack(">IIIII", 0, 0, 8_000, samples, 0)),
        _full("hdlr", struct.pack(">I4s", 0, b"soun") + bytes(13)),
        _box("minf", _full("smhd", bytes(4)), tables),
    )
    return _box("trak", _full("tkhd", struct.pack(">IIIII", 0, 0, 1, 0, 1) + bytes(60)), media_box)


def _full(kind: str, body: bytes) -> bytes:
    return _box(kind, bytes(4) + body)


def _box(kind: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body
