"""Which samples to ask people about next, and which confident answers to check all the same."""

import hashlib
from collections.abc import Sequence

from annotations.schema import SampleRow
from annotations.store import Session, samples
from mmdemo.review import QUEUED

_HASH_BYTES = 8  # of SHA-256, read as a number in [0, 1)


def next_to_ask(session: Session, task: str, limit: int | None = None) -> Sequence[SampleRow]:
    """Return queued samples with content: most doubtful first; of equal doubt the oldest, then the smallest id."""
    return samples.waiting(session, task, limit=limit, states=(QUEUED,))


def audit_draw(sample_id: str, share: float) -> bool:
    """Say whether a confident answer is checked all the same: about `share` in [0, 1] of all inputs.

    Only the input decides, as if at random: asking again never changes it, and no visitor can foresee it without
    computing this hash. Independent of the choice of held-out corrections, which hashes under another name.
    """
    digest = hashlib.sha256(f"audit:{sample_id}".encode()).digest()
    return int.from_bytes(digest[:_HASH_BYTES]) / 256**_HASH_BYTES < share
