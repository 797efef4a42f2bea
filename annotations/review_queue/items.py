"""Rows of the store → the values that page and API are handed of them."""

from pathlib import Path

from annotations.review_queue import claims, predictions
from annotations.schema import SampleRow
from annotations.store import labels
from mmdemo.values.review import Answered, QueueItem


def queue_item(row: SampleRow, media: Path) -> QueueItem:
    """Return a sample as it is listed; its files lie under `media`."""
    claimed_by, claimed_until = claims.holder(row)
    guess = predictions.guess_shown(row)
    return QueueItem(
        sample_id=row.sample_id,
        task=row.task,
        label=guess.value,
        confidence=guess.confidence,
        reason=row.reason or "",
        state=row.state,
        created_at=labels.iso(row.created_at),
        suggested=row.suggested,
        text=row.caption,
        image=media / row.image if row.image else None,
        audio=media / row.audio if row.audio else None,
        claimed_by=claimed_by,
        claimed_until=labels.iso(claimed_until) if claimed_until else None,
        capped=guess.capped,
        is_golden=row.pinned_at is not None,
        checks=row.is_check,
    )


def answered(row: labels.AnnotatorMove, media: Path) -> Answered:
    """Return what an annotator did with a sample."""
    return Answered(
        item=queue_item(row.sample, media),
        did=row.move.after,
        at=labels.iso(row.move.at),
        label=row.correction.value if row.correction else None,
        standing=labels.as_correction(row.standing, row.sample.task) if row.standing else None,
    )
