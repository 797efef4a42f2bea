"""Several answers of one annotator are taken back at once."""

from collections.abc import Collection

from annotations import review_queue
from annotations.schema import CorrectionRow, now
from annotations.store import Store, samples


def withdraw(store: Store, sample_ids: Collection[str], annotator: str, browser: str) -> int:
    """Take back what an annotator said of these samples in this browser, and ask about them again.

    Where somebody else's answer stands, the sample stays answered. Return how many answers were taken back. Raises
    BadInput.
    """
    annotator = review_queue.checked_name(annotator)
    with store.session() as session:
        moves = samples.answers_given(session, sample_ids, annotator, browser)
        for move in moves:
            move.undone_at = now()
            session.get_one(CorrectionRow, move.correction_id).withdrawn_at = now()
        for sample_id in {move.sample_id for move in moves}:
            review_queue.reopen(session, samples.get(session, sample_id), annotator)
        session.commit()
        return len(moves)
