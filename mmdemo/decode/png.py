"""A PNG without what its pixels don't need: a wrong checksum there, or megabytes of text, refuse no picture."""

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MOST_PROFILE_BYTES = 1_000_000  # of a colour profile, unpacked
_KEPT = (b"tRNS", b"iCCP", b"eXIf")  # of what is not critical: transparency, colours, which side is up
_HEAD = struct.Struct(">I4s")
_CHECKSUM_BYTES = 4


def pixels_only(content: bytes) -> bytes:
    """Return a PNG with its critical chunks, as they are, and those others that change what is seen and are sound."""
    kept, at = [SIGNATURE], len(SIGNATURE)
    while len(content) - at >= _HEAD.size:
        length, kind = _HEAD.unpack_from(content, at)
        end = at + _HEAD.size + length + _CHECKSUM_BYTES
        critical = not kind[0] & 0x20  # written with a capital letter
        if critical or (kind in _KEPT and _is_sound(kind, content[at + 4 : end])):
            kept.append(content[at:end])
        at = end
    return b"".join(kept)


def _is_sound(kind: bytes, chunk: bytes) -> bool:
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
