"""Samples whose answer a night suspects are asked about once more: blind, and without the answer that they have.

That answer counts until another one is given. Whatever is answered then is taken as it is: see `nightly.curation`.
"""

from collections.abc import Sequence

from annotations import review_queue
from annotations.review_queue import LABELLED
from annotations.store import Store, samples
from mmdemo.values.review import WAITING
from mmdemo.values.samples import FlagReason

AT_ONCE = 20  # wait at a time, the most suspicious; the others are held back too, and come with a later night


def ask(store: Store, sample_ids: Sequence[str]) -> int:
    """Queue the first of these until AT_ONCE of them wait; return how many were queued.

    What somebody skipped or was unsure about is asked about no more, and takes no place from others.
    """
    with store.session() as session:
        rows = samples.locked(session, sample_ids)
        suspects = [rows[name] for name in sample_ids if name in rows and rows[name].has_content]
        free = AT_ONCE - sum(row.state in WAITING for row in suspects)
        asked = [row for row in suspects if row.state == LABELLED][: max(0, free)]
        for row in asked:
            review_queue.move(session, row, "doubt")
            row.reason = FlagReason.SECOND_LOOK
        session.commit()
    return len(asked)
