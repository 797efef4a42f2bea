"""SQL about claims: who is at which sample. Of two who reach for the same one, a single UPDATE decides."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, case, or_, select, update
from sqlalchemy.orm import Session

from annotations.schema import SampleRow
from annotations.store import order
from annotations.store.samples import ASKED, IS_ASKED
from mmdemo import characters
from mmdemo.values.review import ClaimSample, SampleState


def take(session: Session, sample_id: str, command: ClaimSample, at: datetime, until: datetime) -> bool:
    """Claim a sample from `at` to `until`, or renew the claim; False where somebody else holds it, or nobody is asked.

    The moments are UTC. All that must hold stands in the UPDATE, so that it holds for one of two at once.
    """
    claim = update(SampleRow).where(SampleRow.sample_id == sample_id, _asked(), _free(command.session, at))
    values = {
        "claimed_by": characters.canonical_name(command.annotator),
        "claim_session": command.session,
        "claimed_until": until,
    }
    return _changed(session, claim.values(values)) == 1


def next_free(session: Session, tasks: Mapping[str, float], claim_session: str, at: datetime) -> str | None:
    """Return the sample that this session is at, else the first that nobody else is at; None where there is none.

    `tasks`: each with the share of its samples that is set aside. The order is Review's, and at the end comes what was
    skipped, longest ago first.
    """
    mine = case((SampleRow.claim_session == claim_session, 0), else_=1)
    skipped = case((SampleRow.state == SampleState.SKIPPED, 1), else_=0)
    skipped_at = case((SampleRow.state == SampleState.SKIPPED, SampleRow.updated_at))
    query = select(SampleRow.sample_id).where(SampleRow.task.in_(list(tasks)), _asked(), _free(claim_session, at))
    return session.scalar(query.order_by(mine, skipped, skipped_at, *order.in_turn(tasks)).limit(1))


def release(session: Session, claim_session: str, other_than: str = "") -> None:
    """End the claims of a session, of all samples but one."""
    statement = update(SampleRow).where(SampleRow.claim_session == claim_session, SampleRow.sample_id != other_than)
    _changed(session, statement.values(claimed_by=None, claim_session=None, claimed_until=None))


def _asked() -> ColumnElement[bool]:
    return and_(SampleRow.state.in_(ASKED), IS_ASKED)


def _free(claim_session: str, at: datetime) -> ColumnElement[bool]:
    mine = SampleRow.claim_session == claim_session
    return or_(SampleRow.claimed_until.is_(None), SampleRow.claimed_until <= at, mine)


def _changed(session: Session, statement: Any) -> int:
    changed = session.execute(statement.execution_options(synchronize_session=False))
    assert isinstance(changed, CursorResult)
    return changed.rowcount
