"""SQL about what the store knows of itself: its id, what it saw of the clock, what it has to tell."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.schema import FactRow
from mmdemo.values.review import Reason
from mmdemo.values.samples import to_json

STORE_ID = "store_id"  # {"id": …}: the media folder that belongs to this store carries the same one
CLOCK = "clock"  # see `annotations.review_queue.retention`
ERASED = "erased"  # {"due": True}: content was erased whose old words may still stand in a table's file
LAST_ERASED = "last_erased"  # {"sample_id": …, "at": …}: by which other processes see that something was
DECIDING = "deciding"  # {"names": […]}: the annotators whose say counted before the majority's when that was settled
_TOLD = "told."  # begins the names of what Status tells
_OWED = "owed."  # … of {"sample_id": …, "files": […]}: names under the media folder that are to go with that sample
_OWED_ID = 32  # characters of an id in such a name: enough to tell samples apart, and a name is short


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


def owe(session: Session, sample_id: str, files: Iterable[str]) -> None:
    """Write down that a sample's files are to be removed, beside those that already are."""
    name = _owed_name(sample_id)
    before = get(session, name).get("files", [])
    put(session, name, {"sample_id": sample_id, "files": sorted({*before, *files})})


def owed(session: Session, sample_ids: Collection[str] | None = None) -> dict[str, list[str]]:
    """Return erased sample → the files that are still to be removed; of these samples, or of all."""
    rows = session.scalars(select(FactRow).where(FactRow.name.startswith(_OWED)).order_by(FactRow.name))
    of_all = {row.value["sample_id"]: list(row.value["files"]) for row in rows}
    return {name: files for name, files in of_all.items() if sample_ids is None or name in sample_ids}


def settle(session: Session, gone: Mapping[str, list[str]]) -> None:
    """Write down that these files of these samples are gone; `gone`: as `owed` returned them."""
    for sample_id, files in gone.items():
        name = _owed_name(sample_id)
        if get(session, name).get("files") == files:  # none came to it meanwhile
            put(session, name, {})


def _owed_name(sample_id: str) -> str:
    return _OWED + sample_id[:_OWED_ID]
