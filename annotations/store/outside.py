"""SQL about where tasks and samples live on an outside annotation server."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.schema import OutsideProjectRow, OutsideRow, SampleRow


def project(session: Session, system: str, server: str, name: str) -> OutsideProjectRow | None:
    """Return where a task (or "media") lives on that server."""
    return session.get(OutsideProjectRow, (system, server, name))


def link(session: Session, system: str, server: str, sample_id: str) -> OutsideRow | None:
    """Return where a sample lives on that server."""
    return session.get(OutsideRow, (system, server, sample_id))


def links(session: Session, system: str, server: str, task: str) -> Sequence[tuple[OutsideRow, SampleRow]]:
    """Return all samples of a task that live on that server and were not taken back, by their id."""
    query = (
        select(OutsideRow, SampleRow)
        .join(SampleRow, OutsideRow.sample_id == SampleRow.sample_id)
        .where(OutsideRow.system == system, OutsideRow.server == server, OutsideRow.removed_at.is_(None))
        .where(SampleRow.task == task)
    )
    return [(row, sample) for row, sample in session.execute(query.order_by(OutsideRow.sample_id))]
