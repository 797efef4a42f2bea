"""SQL about where tasks and samples live on an outside annotation server."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select, update
from sqlalchemy.orm import Session, defer

from annotations.schema import CorrectionRow, RemoteLinkRow, RemoteProjectRow, SampleRow, now
from annotations.store import order, samples
from mmdemo.values.review import WAITING, SampleState

ANNOTATIONS = "annotations"  # key in a link's `extra`: the annotations that were looked at, by their id there
SUCCESSOR = "successor"  # key in a place's `extra`: the id of the place that took its place


def places(session: Session, system: str, name: str) -> dict[str, RemoteProjectRow]:
    """Return place → project of all places where a task (or the media) lives; an earlier release's place is a URL."""
    query = select(RemoteProjectRow).where(RemoteProjectRow.system == system, RemoteProjectRow.name == name)
    return {row.server: row for row in session.scalars(query.order_by(RemoteProjectRow.server)) if row.server}


def standing_places(session: Session, system: str, name: str) -> dict[str, RemoteProjectRow]:
    """Return those of these places that no other has taken the place of."""
    return {server: row for server, row in places(session, system, name).items() if SUCCESSOR not in row.extra}


def link(session: Session, system: str, server: str, sample_id: str) -> RemoteLinkRow | None:
    """Return where a sample lives on that server."""
    return session.get(RemoteLinkRow, (system, server, sample_id))


def links(
    session: Session, system: str, server: str, task: str, sample_ids: Collection[str] | None = None
) -> list[RemoteLinkRow]:
    """Return where the samples of a task that live on that server and were not taken back do so; or these of them."""
    query = select(RemoteLinkRow).join(SampleRow, RemoteLinkRow.sample_id == SampleRow.sample_id)
    query = query.where(SampleRow.task == task, *_living(system, server))
    if sample_ids is None:
        return list(session.scalars(query))
    rows: list[RemoteLinkRow] = []
    for part in samples.parts(sample_ids):
        rows += session.scalars(query.where(RemoteLinkRow.sample_id.in_(part)))
    return rows


def unsent(session: Session, system: str, server: str, task: str, share: float) -> Sequence[SampleRow]:
    """Return the samples of a task that can be shown to a person and don't live there, in the order of Review.

    `share` of the task's samples is set aside.
    """
    query = _unsent(select(SampleRow), system, server, task)
    return session.scalars(query.order_by(*order.in_turn({task: share}))).all()


def unsent_ids(session: Session, system: str, server: str, task: str) -> Sequence[str]:
    """Return the ids of these."""
    return session.scalars(_unsent(select(SampleRow.sample_id), system, server, task)).all()


def _unsent(query: Select[Any], system: str, server: str, task: str) -> Select[Any]:
    linked = exists().where(RemoteLinkRow.sample_id == SampleRow.sample_id, *_living(system, server))
    waiting = (SampleRow.task == task, SampleRow.state.in_(WAITING), samples.HAS_CONTENT)
    return query.where(*waiting, ~linked)


def out_of_step(session: Session, system: str, server: str, task: str) -> Sequence[str]:
    """Return the samples that live there and should not, are queued here as if they didn't, or were scored again since.

    They should not where they were forgotten; or answered, skipped or found unsure here, and nobody is known to have
    annotated them there.
    """
    query = select(SampleRow.sample_id).join(RemoteLinkRow, RemoteLinkRow.sample_id == SampleRow.sample_id)
    query = query.where(SampleRow.task == task, *_living(system, server))
    settled = and_(SampleRow.state.not_in(WAITING), _unannotated())
    scored = and_(SampleRow.state.in_(WAITING), SampleRow.scored_by != RemoteLinkRow.model_version)
    return session.scalars(
        query.where(or_(~samples.HAS_CONTENT, SampleRow.state == SampleState.QUEUED, settled, scored))
    ).all()


def versions(session: Session, system: str, server: str, task: str) -> dict[str, int]:
    """Return version → how many samples with its guess live there that nobody is known to have annotated."""
    query = select(SampleRow.scored_by, func.count())
    query = query.join(RemoteLinkRow, RemoteLinkRow.sample_id == SampleRow.sample_id)
    query = query.where(SampleRow.task == task, *_living(system, server), _unannotated())
    return {row[0]: row[1] for row in session.execute(query.group_by(SampleRow.scored_by))}


def _living(system: str, server: str) -> tuple[ColumnElement[bool], ...]:
    return (RemoteLinkRow.system == system, RemoteLinkRow.server == server, RemoteLinkRow.removed_at.is_(None))


def _unannotated() -> ColumnElement[bool]:
    """Return the condition on links that no annotation is noted in them; an earlier release noted them otherwise."""
    noted = RemoteLinkRow.extra[ANNOTATIONS].as_string()
    return or_(noted.is_(None), noted == "{}")


def keep_project(session: Session, system: str, server: str, name: str, project: str, url: str) -> None:
    """Write down where a task (or the media) lives, and at which URL that was found; project "": about to be made."""
    row = session.get(RemoteProjectRow, (system, server, name))
    if row is None:
        row = RemoteProjectRow(system=system, server=server, name=name, extra={})
        session.add(row)
    row.project, row.extra = project, {**row.extra, "url": url}


def versions_sent(session: Session, system: str, server: str, name: str) -> frozenset[str]:
    """Return the versions whose guesses were ever sent to a task's project."""
    row = session.get(RemoteProjectRow, (system, server, name))
    return frozenset(row.extra.get("versions", ())) if row else frozenset()


def note_versions(session: Session, system: str, server: str, name: str, versions: Sequence[str]) -> None:
    """Write down all versions whose guesses are sent to a task's project."""
    row = session.get_one(RemoteProjectRow, (system, server, name))
    row.extra = {**row.extra, "versions": list(versions)}


def succeed(session: Session, system: str, server: str, name: str, successor: str) -> None:
    """Write down that a task is asked about elsewhere from now on; what lies at the old place goes on being read."""
    row = session.get_one(RemoteProjectRow, (system, server, name))
    row.extra = {**row.extra, SUCCESSOR: successor}


def rename_place(session: Session, system: str, name: str, old: str, new: str, prefix: str) -> None:
    """Call a place by its id that was known by its URL; `prefix` begins the external ids of its corrections."""
    there = (RemoteProjectRow.system == system, RemoteProjectRow.server == old, RemoteProjectRow.name == name)
    session.execute(update(RemoteProjectRow).where(*there).values(server=new))
    ours = select(SampleRow.sample_id).where(SampleRow.task == name)
    links = (RemoteLinkRow.system == system, RemoteLinkRow.server == old, RemoteLinkRow.sample_id.in_(ours))
    session.execute(update(RemoteLinkRow).where(*links).values(server=new))
    corrections = (CorrectionRow.source == system, CorrectionRow.external_id.startswith(f"{prefix}/", autoescape=True))
    renamed = literal(new) + func.substr(CorrectionRow.external_id, len(prefix) + 1)
    change = update(CorrectionRow).where(*corrections, CorrectionRow.sample_id.in_(ours)).values(external_id=renamed)
    session.execute(change.execution_options(synchronize_session=False))


def keep_links(
    session: Session, system: str, server: str, project: int, sent: Mapping[str, tuple[SampleRow, int, dict[str, Any]]]
) -> None:
    """Write down where samples live: sample id → the sample, its task's id there, and what is noted beside that."""
    there = (RemoteLinkRow.system == system, RemoteLinkRow.server == server)
    rows: dict[str, RemoteLinkRow] = {}
    for part in samples.parts(sent):
        existing = session.scalars(select(RemoteLinkRow).where(*there, RemoteLinkRow.sample_id.in_(part)))
        rows.update({row.sample_id: row for row in existing})
    for sample_id, (sample, external_id, extra) in sent.items():
        row = rows.get(sample_id)
        if row is None:
            row = RemoteLinkRow(system=system, server=server, sample_id=sample_id, external_id="")
            session.add(row)
        if row.external_id != str(external_id) or row.removed_at is not None:
            row.project, row.external_id, row.model_version = str(project), str(external_id), sample.scored_by
            row.pushed_at, row.removed_at = now(), None
        row.extra = extra


def note_guesses(session: Session, system: str, server: str, versions: Mapping[str, str]) -> None:
    """Write down of which version the guess of these samples (id → version) is that lies there."""
    for version in set(versions.values()):
        for part in samples.parts([sample_id for sample_id, own in versions.items() if own == version]):
            there = (*_living(system, server), RemoteLinkRow.sample_id.in_(part))
            session.execute(update(RemoteLinkRow).where(*there).values(model_version=version))


def drop_links(session: Session, system: str, server: str, sample_ids: Collection[str]) -> None:
    """Write down that samples live there no longer, and forget what was noted of them: their files, who answered."""
    for part in samples.parts(sample_ids):
        there = (*_living(system, server), RemoteLinkRow.sample_id.in_(part))
        session.execute(update(RemoteLinkRow).where(*there).values(removed_at=now(), extra={}))


def of_sample(session: Session, system: str, sample_id: str) -> list[RemoteLinkRow]:
    """Return where a sample lives or lived on outside servers."""
    query = select(RemoteLinkRow).where(RemoteLinkRow.system == system, RemoteLinkRow.sample_id == sample_id)
    return list(session.scalars(query.order_by(RemoteLinkRow.server)))


def samples_of(
    session: Session, task: str, sample_ids: Collection[str], predictions: bool = True
) -> dict[str, SampleRow]:
    """Return those of these samples that are known here and belong to the task, forgotten ones too.

    Without `predictions` what models said of them is left out: to ask such a row for it is an error.
    """
    left_out = [] if predictions else [defer(column, raiseload=True) for column in samples.PREDICTIONS]
    rows: dict[str, SampleRow] = {}
    for part in samples.parts(sample_ids):
        query = select(SampleRow).where(SampleRow.task == task, SampleRow.sample_id.in_(part))
        rows.update({row.sample_id: row for row in session.scalars(query.options(*left_out))})
    return rows
