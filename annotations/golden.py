"""Samples that people pin as golden: no newly trained version is put into service that loses one of them.

From then on a golden sample is never trained on. One that the served version learned before proves nothing of that
version, but it may be lost no more either. Its label is what counts of its corrections, as long as any does. A
version that serves again, by hand or since a later one fell short of it, is asked about none of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from annotations import review_queue
from annotations.schema import CorrectionRow, SampleRow, now
from annotations.store import Session, Store, labels, samples
from mmdemo.errors import Conflict

PIN, UNPIN = "pin", "unpin"  # as the log of moves has them


@dataclass(frozen=True)
class GoldenSample:
    """A sample that is pinned."""

    sample_id: str
    task: str
    value: str | None  # what counts as its answer; None: nothing does today, so it holds back no version
    pinned_at: str
    text: str | None


def pin(store: Store, sample_id: str, who: str) -> None:
    """Pin a corrected sample; one that is pinned stays so. Raises BadInput, UnknownName, Conflict."""
    who = review_queue.checked_name(who)
    with store.session() as session:
        row = review_queue.present(session, sample_id)
        if labels.counting(session, row.sample_id) is None:
            raise Conflict("nothing_to_pin", sample_id=sample_id)
        if row.pinned_at is None:
            row.pinned_at = now()
            _log(session, row, PIN, who)
        session.commit()


def unpin(store: Store, sample_id: str, who: str) -> None:
    """Let versions lose a sample again, and learn from it where it is not set aside. Raises BadInput, UnknownName."""
    who = review_queue.checked_name(who)
    with store.session() as session:
        row = samples.get(session, sample_id)
        if row.pinned_at is not None:
            row.pinned_at = None
            _log(session, row, UNPIN, who)
        session.commit()


def listed(store: Store, *tasks: str) -> Sequence[GoldenSample]:
    """Return what is pinned, longest ago first; of all tasks where none is named."""
    with store.reading() as session:
        rows = samples.pinned(session, *tasks)
        counts = labels.counting_of(session, [row.sample_id for row in rows])
    return [_golden(row, counts.get(row.sample_id)) for row in rows]


def _golden(row: SampleRow, counts: CorrectionRow | None) -> GoldenSample:
    assert row.pinned_at is not None
    value = counts.value if counts else None
    return GoldenSample(row.sample_id, row.task, value, labels.iso(row.pinned_at), row.caption)


def _log(session: Session, row: SampleRow, move: str, who: str) -> None:
    review_queue.log(session, row, move, row.state, who)
