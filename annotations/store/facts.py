"""SQL about what the store knows of itself: its id, what it saw of the clock, what it has to tell."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.schema import FactRow
from mmdemo.values.review import Reason
from mmdemo.values.samples import to_json

STORE_ID = "store_id"  # {"id": …}: the media folder that belongs to this store carries the same one
CLOCK = "clock"  # see `annotations.review_queue.clock`
ERASED = "erased"  # {"due": True}: content was erased whose old words may still stand in a table's file
_TOLD = "told."  # begins the names of what Status tells


def get(session: Session, name: str) -> dict[str, Any]:
    """Return a fact, {} for one that is not known."""
    row = session.get(FactRow, name)
    return {} if row is None else dict(row.value)


def put(session: Session, name: str, value: dict[str, Any]) -> None:
    """Write a fact down; {} forgets it."""
    row = session.get(FactRow, name)
    if not value:
        if row is not None:
            session.delete(row)
    elif row is None:
        session.add(FactRow(name=name, value=value))
    elif row.value != value:
        row.value = value
    session.flush()


def tell(session: Session, about: str, reason: Reason | None) -> None:
    """Write down what whoever runs this has to know about something, None for nothing any more."""
    put(session, _TOLD + about, {} if reason is None else to_json(reason))


def told(session: Session) -> list[Reason]:
    """Return what was written down to be told, in the order of what it is about."""
    query = select(FactRow).where(FactRow.name.startswith(_TOLD)).order_by(FactRow.name)
    return [Reason(**row.value) for row in session.scalars(query)]
