"""Draws that only a text decides: as if at random, and the same on every machine and in every night."""

import hashlib

_HASH_BYTES = 8  # of SHA-256, read as a number in [0, 1)


def draw(purpose: str, text: str) -> float:
    """Return a number in [0, 1) for a text. Draws of the same text for two purposes are independent."""
    digest = hashlib.sha256(f"{purpose}:{text}".encode()).digest()
    return int.from_bytes(digest[:_HASH_BYTES]) / 256**_HASH_BYTES
