"""Who is answering which sample: it is kept for them a few minutes, so that the next annotator gets another one.

A claim keeps nobody from correcting: it decides only what the Review tab hands out. It ends by itself, and before that
when its sample is answered, skipped or erased, when its browser goes to another sample, or says that it leaves.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from annotations.schema import SampleRow, now
from annotations.store import Session, Store, claims, samples
from mmdemo.values.review import ClaimSample

CLAIM_S = 5 * 60.0  # a page in which somebody is at work renews it every minute


def claim(store: Store, tasks: Mapping[str, float], command: ClaimSample, at: datetime | None = None) -> str | None:
    """Keep a sample for whoever asks, and return its id; None where it is not to be had. What they held before is free.

    Without a sample's id it is the one they are at already, else the next of `tasks` that nobody is at, each with
    the share of its samples that is set aside. Where it is not to be had they keep what they held. Raises StorageError.
    """
    moment = at or now()
    with store.session() as session:
        sample_id = _taken(session, tasks, command, moment)
        if sample_id is not None:
            claims.release(session, command.session, other_than=sample_id)
        session.commit()
    return sample_id


def _taken(session: Session, tasks: Mapping[str, float], command: ClaimSample, at: datetime) -> str | None:
    until = at + timedelta(seconds=CLAIM_S)
    if command.sample_id:
        row = samples.find(session, command.sample_id)
        return row.sample_id if row and claims.take(session, row.sample_id, command, at, until) else None
    while sample_id := claims.next_free(session, tasks, command.session, at):
        if claims.take(session, sample_id, command, at, until):
            return sample_id  # else another one was faster, and it is free no longer
    return None


def release(store: Store, claim_session: str) -> None:
    """Free what this browser session holds. Raises StorageError."""
    with store.session() as session:
        claims.release(session, claim_session)
        session.commit()


def holder(row: SampleRow, at: datetime | None = None) -> tuple[str | None, datetime | None]:
    """Return who is at a sample ("" who gave no name yet) and until when; None for both where nobody is."""
    if row.claimed_until is None or row.claimed_until <= (at or now()):
        return None, None
    return row.claimed_by, row.claimed_until
