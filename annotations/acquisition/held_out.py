"""Which samples are set aside for the gate: drawn once by content, and kept with the row.

A sample whose id changes, because pictures are decoded otherwise or captions compared otherwise, keeps its draw.
"""

import hashlib

_HASH_BYTES = 8  # of SHA-256, read as a number in [0, 1)


def draw(sample_id: str) -> float:
    """Return a number in [0, 1), as if at random: the same for one sample on every machine and in every night."""
    # Hashed once more under a name of its own: whatever else picks samples by sample_id stays independent of this.
    digest = hashlib.sha256(f"held-out:{sample_id}".encode()).digest()
    return int.from_bytes(digest[:_HASH_BYTES]) / 256**_HASH_BYTES


def is_held_out(drawn: float, share: float) -> bool:
    """Say whether a sample with that draw is set aside, for a `share` in [0, 1]. A larger share only adds samples."""
    return drawn < share
