"""What a JPEG's markers tell, read without decoding anything."""

import re

SIGNATURE = b"\xff\xd8"
MOST_SCANS = 100  # cameras write 1, browsers' tools about 10; each reads all coefficients again
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
