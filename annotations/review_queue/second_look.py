"""Samples whose answer a night suspects are asked about once more: blind, and without the answer that they have.

That answer counts until another one is given. Whatever is answered then is taken as it is: see `nightly.curation`.
"""

from collections.abc import Sequence

from annotations import review_queue
from annotations.review_queue import LABELLED
from annotations.store import Store, samples
from mmdemo.values.samples import FlagReason

AT_ONCE = 20  # a night asks about the most suspicious; the others are held back too, and come with a later night


def ask(store: Store, sample_ids: Sequence[str]) -> int:
    """Queue the first AT_ONCE of these, as far as nobody is asked about them already; return how many were queued."""
    asked = 0
    with store.session() as session:
        for sample_id in sample_ids[:AT_ONCE]:
            row = samples.find(session, sample_id)
            if row is not None and row.has_content and row.state == LABELLED:
                review_queue.move(session, row, "doubt")
                row.reason = FlagReason.SECOND_LOOK
                asked += 1
        session.commit()
    return asked
