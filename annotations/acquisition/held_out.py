"""Which samples are set aside for the gate: drawn once by content, and kept with the row.

A sample whose id changes, because pictures are decoded otherwise or captions compared otherwise, keeps its draw.
"""

from mmdemo import hashed_draw


def draw(sample_id: str) -> float:
    """Return a number in [0, 1), as if at random: the same for one sample on every machine and in every night."""
    return hashed_draw.draw("held-out", sample_id)


def is_held_out(drawn: float, share: float) -> bool:
    """Say whether a sample with that draw is set aside, for a `share` in [0, 1]. A larger share only adds samples."""
    return drawn < share
