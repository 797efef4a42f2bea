"""SQL about where tasks and samples live on an outside annotation server."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import func, literal, select, update
from sqlalchemy.orm import Session

from annotations.schema import CorrectionRow, OutsideProjectRow, OutsideRow, SampleRow, now

_AT_ONCE = 500  # names in one question; a database takes only so many


def places(session: Session, system: str, name: str) -> dict[str, OutsideProjectRow]:
    """Return place → project of all places where a task (or the media) lives; an earlier release's place is a URL."""
    query = select(OutsideProjectRow).where(OutsideProjectRow.system == system, OutsideProjectRow.name == name)
    return {row.server: row for row in session.scalars(query.order_by(OutsideProjectRow.server)) if row.server}


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


def keep_project(session: Session, system: str, server: str, name: str, project: str, url: str) -> None:
    """Write down where a task (or the media) lives, and at which URL that was found; project "": about to be made."""
    row = session.get(OutsideProjectRow, (system, server, name))
    if row is None:
        row = OutsideProjectRow(system=system, server=server, name=name, extra={})
        session.add(row)
    row.project, row.extra = project, {**row.extra, "url": url}


def rename_place(session: Session, system: str, name: str, old: str, new: str, prefix: str) -> None:
    """Call a place by its id that was known by its URL; `prefix` begins the external ids of its corrections."""
    there = (OutsideProjectRow.system == system, OutsideProjectRow.server == old, OutsideProjectRow.name == name)
    session.execute(update(OutsideProjectRow).where(*there).values(server=new))
    ours = select(SampleRow.sample_id).where(SampleRow.task == name)
    links = (OutsideRow.system == system, OutsideRow.server == old, OutsideRow.sample_id.in_(ours))
    session.execute(update(OutsideRow).where(*links).values(server=new))
    made = (CorrectionRow.source == system, CorrectionRow.external_id.startswith(f"{prefix}/", autoescape=True))
    renamed = literal(new) + func.substr(CorrectionRow.external_id, len(prefix) + 1)
    change = update(CorrectionRow).where(*made, CorrectionRow.sample_id.in_(ours)).values(external_id=renamed)
    session.execute(change.execution_options(synchronize_session=False))


def keep_link(
    session: Session, system: str, server: str, sample: SampleRow, project: int, external_id: int, extra: dict[str, Any]
) -> None:
    """Write down where a sample lives, and `extra` beside it instead of what stood there."""
    row = session.get(OutsideRow, (system, server, sample.sample_id))
    if row is None:
        row = OutsideRow(system=system, server=server, sample_id=sample.sample_id, external_id="")
        session.add(row)
    if row.external_id != str(external_id) or row.removed_at is not None:
        row.project, row.external_id, row.model_version = str(project), str(external_id), sample.model_version
        row.pushed_at, row.removed_at = now(), None
    row.extra = extra


def drop_link(session: Session, system: str, server: str, sample_id: str) -> None:
    """Write down that a sample lives there no longer."""
    row = session.get(OutsideRow, (system, server, sample_id))
    if row is not None and row.removed_at is None:
        row.removed_at = now()


def samples_of(session: Session, task: str, sample_ids: Collection[str]) -> dict[str, SampleRow]:
    """Return those of these samples that are known here and belong to the task, forgotten ones too."""
    wanted, found = sorted(sample_ids), {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        query = select(SampleRow).where(SampleRow.task == task, SampleRow.sample_id.in_(part))
        found.update({row.sample_id: row for row in session.scalars(query)})
    return found
