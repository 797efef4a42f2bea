"""SQL about samples, the consents that hold them, and the log of their moves."""

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, or_, select, text
from sqlalchemy.orm import Session, defer

from annotations import schema
from annotations.acquisition.strata import AUDITED, Draw
from annotations.schema import ConsentRow, CorrectionRow, MoveRow, SampleAliasRow, SampleRow
from annotations.store import order
from mmdemo import characters, decode
from mmdemo.errors import UnknownName
from mmdemo.values.review import ID_CHARS, WAITING, CorrectionSource, SampleState
from mmdemo.values.samples import FlagReason, Inputs

READING = "reading"  # what a session knows of itself: it only reads, and so keeps nobody from writing
FILES = ("image", "audio")  # columns that name files
AT_ONCE = 500  # names in one question; a database takes only so many
ASKED = (*WAITING, SampleState.SKIPPED)  # … and at the queue's end what was skipped
# … of which there is something to look at: by the index that holds these alone, whose words this repeats
IS_ASKED = and_(text(schema.ASKED), SampleRow.forgotten_at.is_(None))
PREDICTIONS = (SampleRow.prediction, SampleRow.fresh_prediction)  # with their maps much the largest of a row
HAS_CONTENT = or_(SampleRow.caption.is_not(None), SampleRow.image.is_not(None), SampleRow.audio.is_not(None))


def find(session: Session, sample_id: str) -> SampleRow | None:
    """Return the sample of that id or alias.

    It is locked until the transaction ends where the database can lock rows, and the session may write.
    """
    named = select(SampleAliasRow.sample_id).where(SampleAliasRow.alias == sample_id).scalar_subquery()
    return _locked(session, SampleRow.sample_id == sample_id) or _locked(session, SampleRow.sample_id == named)


def locked(session: Session, sample_ids: Collection[str]) -> dict[str, SampleRow]:
    """Return the samples of these ids, aliases left out, locked like `find`.

    What models said of them is read when it is asked for, within the session.
    """
    return _of_ids(session, sample_ids, select(SampleRow).with_for_update())


def with_content(session: Session, sample_ids: Collection[str]) -> dict[str, SampleRow]:
    """Return those of the samples of these ids, aliases left out, that still have their content; none is locked.

    What models said of them is read when it is asked for, within the session.
    """
    return _of_ids(session, sample_ids, select(SampleRow).where(HAS_CONTENT))


def _of_ids(session: Session, sample_ids: Collection[str], query: Select[SampleRow]) -> dict[str, SampleRow]:
    query = query.order_by(SampleRow.sample_id).options(*map(defer, PREDICTIONS))
    rows: dict[str, SampleRow] = {}
    for part in parts(sample_ids):
        of_part = session.scalars(query.where(SampleRow.sample_id.in_(part)))
        rows.update({row.sample_id: row for row in of_part})
    return rows


def parts(sample_ids: Collection[str]) -> Iterator[list[str]]:
    """Yield ids in order, as many at once as may stand in one question."""
    ids = sorted(sample_ids)
    for start in range(0, len(ids), AT_ONCE):
        yield ids[start : start + AT_ONCE]


def of_inputs(
    session: Session, inputs: Inputs, task: str, files_of: Callable[[], Mapping[str, str]]
) -> SampleRow | None:
    """Return the row of these inputs, also one that an earlier release made under another id: then with an alias.

    `files_of` names the copies of its picture and sound, by modality; it is asked only where they decide.
    """
    sample_id = decode.sample_id(inputs, task)
    row = find(session, sample_id)
    if row is None:
        row = _older(session, inputs, task, files_of)
        if row is not None:
            session.add(SampleAliasRow(alias=sample_id, sample_id=row.sample_id))
            session.flush()
    return row


def _older(session: Session, inputs: Inputs, task: str, files_of: Callable[[], Mapping[str, str]]) -> SampleRow | None:
    for earlier in decode.earlier_ids(inputs, task):
        if (row := find(session, earlier)) is not None:
            return row
    if inputs.original:
        same = _locked(session, SampleRow.task == task, SampleRow.original_digest == inputs.original)
        if same is not None:
            return same
    if inputs.text is None:
        return None
    alike = (SampleRow.task == task, SampleRow.caption_digest == caption_digest(inputs.text))
    if _locked(session, *alike) is None:
        return None
    files = files_of()
    return _locked(session, *alike, *(getattr(SampleRow, name).is_not_distinct_from(files.get(name)) for name in FILES))


def caption_digest(caption: str) -> str:
    """Return SHA-256 (hex) of a caption's canonical form."""
    return hashlib.sha256(characters.canonical(caption).encode()).hexdigest()


def _locked(session: Session, *conditions: ColumnElement[bool]) -> SampleRow | None:
    """Return the first row of these conditions: oldest first."""
    oldest = (SampleRow.created_at, SampleRow.sample_id)
    query = select(SampleRow).where(*conditions).order_by(*oldest).limit(1)
    return session.scalar(query if session.info.get(READING) else query.with_for_update())


def get(session: Session, sample_id: str) -> SampleRow:
    """Return the sample like `find`. Raises UnknownName."""
    row = find(session, sample_id)
    if row is None:
        raise UnknownName("unknown_sample", sample_id=sample_id)
    return row


def named(session: Session, name: str) -> SampleRow:
    """Return the sample of that id, or the only one whose id begins so, as sentences name it. Raises UnknownName."""
    row = find(session, name)
    if row is None and len(name) >= ID_CHARS:
        query = select(SampleRow).where(SampleRow.sample_id.startswith(name, autoescape=True)).limit(2)
        rows = session.scalars(query).all()
        row = rows[0] if len(rows) == 1 else None
    if row is None:
        raise UnknownName("unknown_sample", sample_id=name)
    return row


def waiting(
    session: Session,
    *tasks: str,
    limit: int | None = None,
    states: Sequence[str] = WAITING,
    aside: Mapping[str, float] | None = None,
) -> Sequence[SampleRow]:
    """Return samples that can be shown to a person: most doubtful first, then oldest, then by id.

    Of all tasks, also of those that are not loaded, where none is named. `aside`: what is set aside comes first, see
    `order.in_turn`.
    """
    query = select(SampleRow.sample_id).where(SampleRow.state.in_(states), IS_ASKED)
    in_order = order.most_doubtful() if aside is None else order.in_turn(aside)
    return _first(session, query.order_by(*in_order), tasks, limit)


def later(session: Session, *tasks: str, limit: int | None = None) -> Sequence[SampleRow]:
    """Return the skipped samples that can be shown to a person, in the order in which they were skipped."""
    query = select(SampleRow.sample_id).where(SampleRow.state == SampleState.SKIPPED, IS_ASKED)
    return _first(session, query.order_by(SampleRow.updated_at, SampleRow.sample_id), tasks, limit)


def _first(session: Session, ids: Select[str], tasks: Sequence[str], limit: int | None) -> Sequence[SampleRow]:
    """Return the samples that a query names; those alone are read whole."""
    names = session.scalars((ids.where(SampleRow.task.in_(tasks)) if tasks else ids).limit(limit)).all()
    rows: dict[str, SampleRow] = {}
    for part in parts(names):
        of_part = session.scalars(select(SampleRow).where(SampleRow.sample_id.in_(part)))
        rows.update({row.sample_id: row for row in of_part})
    return [rows[name] for name in names]


def pinned(session: Session, *tasks: str) -> Sequence[SampleRow]:
    """Return what is pinned as golden, longest ago first; of all tasks where none is named."""
    query = select(SampleRow).where(SampleRow.pinned_at.is_not(None))
    if tasks:
        query = query.where(SampleRow.task.in_(tasks))
    return session.scalars(query.order_by(SampleRow.pinned_at, SampleRow.sample_id)).all()


def to_score(session: Session, task: str, version: str, after: str, limit: int, *, held_by: str) -> Sequence[SampleRow]:
    """Return samples that people are asked about and whose guess is of another version than this one, by their id.

    Only those behind the id `after`; without those that are answered blind, and those that a holder `held_by` keeps.
    """
    theirs = exists().where(ConsentRow.sample_id == SampleRow.sample_id, ConsentRow.holder == held_by)
    query = select(SampleRow).where(SampleRow.task == task, SampleRow.state.in_(ASKED), HAS_CONTENT)
    is_check = or_(SampleRow.stratum.is_not_distinct_from(AUDITED), SampleRow.in_panel)
    query = query.where(SampleRow.scored_by != version, ~is_check, ~theirs)
    query = query.where(SampleRow.sample_id > after)
    return session.scalars(query.order_by(SampleRow.sample_id).limit(limit)).all()


def count_drawn(session: Session, task: str, share: float) -> dict[Draw, int]:
    """Return how samples were drawn that are set aside, where a `share` is, → how many were drawn so."""
    way = (SampleRow.stratum, SampleRow.propensity)
    query = select(*way, func.count()).where(SampleRow.task == task, SampleRow.stratum.is_not(None))
    query = query.where(order.sets_aside(share))
    return {Draw(stratum, chance): count for stratum, chance, count in session.execute(query.group_by(*way))}


def count_answered(
    session: Session,
    task: str,
    stratum: str,
    most: int,
    version: str | None = None,
    since: datetime | None = None,
) -> int:
    """Return how many samples of a stratum are answered, at most `most`.

    With `version` of those that it answered, with `since` of those that came after that moment.
    """
    answered = select(SampleRow.sample_id).where(SampleRow.task == task, SampleRow.stratum == stratum)
    answered = answered.where(SampleRow.state == SampleState.LABELLED).limit(most)
    if version is not None:
        answered = answered.where(SampleRow.model_version == version)
    if since is not None:
        answered = answered.where(SampleRow.created_at > since)
    return session.scalar(select(func.count()).select_from(answered.subquery())) or 0


def count_disputed(session: Session, task: str, version: str, most: int) -> int:
    """Return how many answers of a version visitors disputed, at most `most`; a second look at one changes nothing."""
    reasons = (FlagReason.DISPUTED, FlagReason.SECOND_LOOK)
    is_disputed = or_(SampleRow.reason == FlagReason.DISPUTED, SampleRow.suggested.is_not(None))
    disputed = select(SampleRow.sample_id).where(SampleRow.task == task, SampleRow.reason.in_(reasons), is_disputed)
    disputed = disputed.where(SampleRow.model_version == version).limit(most)
    return session.scalar(select(func.count()).select_from(disputed.subquery())) or 0


def unanswered(session: Session, moment: datetime, limit: int) -> Sequence[SampleRow]:
    """Return samples with content that no correction stands for and whose latest consent is older than `moment`."""
    query = select(SampleRow).where(_unanswered_since(moment))
    return session.scalars(query.order_by(SampleRow.agreed_at, SampleRow.sample_id).limit(limit)).all()


def count_unanswered(session: Session, moment: datetime) -> int:
    """Return how many there are of these."""
    return session.scalar(select(func.count()).select_from(SampleRow).where(_unanswered_since(moment))) or 0


def newest_change(session: Session) -> datetime | None:
    """Return when a sample last changed, None where there is none. Goes through all of them."""
    return session.scalar(select(func.max(SampleRow.updated_at)))


def _unanswered_since(moment: datetime) -> ColumnElement[bool]:
    return and_(HAS_CONTENT, SampleRow.standing_id.is_(None), SampleRow.agreed_at < moment)


def unanswered_files(session: Session) -> tuple[int, list[str]]:
    """Return how many samples with content no correction stands for, and their files."""
    query = select(SampleRow.image, SampleRow.audio).where(HAS_CONTENT, SampleRow.standing_id.is_(None))
    rows = session.execute(query).all()
    return len(rows), sorted({name for row in rows for name in row if name})


def spare_media(session: Session, names: Sequence[str]) -> list[str]:
    """Return those of these files that no sample refers to."""
    needed: set[str] = set()
    for column in (SampleRow.image, SampleRow.audio):
        needed.update(name for name in session.scalars(select(column).where(column.in_(names))) if name)
    return [name for name in names if name not in needed]


def take_holding(session: Session, prediction_id: str) -> str | None:
    """Delete that consent and return its sample's id, None where there is none."""
    holding = session.get(ConsentRow, prediction_id)
    if holding is None:
        return None
    session.delete(holding)
    session.flush()
    return holding.sample_id


def newest_holding(session: Session, sample_id: str, holder: str) -> ConsentRow | None:
    """Return the latest consent of this kind for the sample."""
    query = select(ConsentRow).where(ConsentRow.sample_id == sample_id, ConsentRow.holder == holder)
    newest = (ConsentRow.agreed_at.desc(), ConsentRow.prediction_id)
    return session.scalar(query.order_by(*newest).limit(1))


def ids_of_holders(session: Session, sample_id: str, holder: str) -> Sequence[str]:
    """Return the ids under which holders of this kind keep the sample."""
    query = select(ConsentRow.prediction_id).where(ConsentRow.sample_id == sample_id, ConsentRow.holder == holder)
    return session.scalars(query.order_by(ConsentRow.prediction_id)).all()


def holders(session: Session, sample_id: str) -> tuple[int, int]:
    """Return how many agreed to keep this sample, and how many of them agreed to keep its inputs."""
    query = select(ConsentRow.content).where(ConsentRow.sample_id == sample_id)
    with_content = session.scalars(query).all()
    return len(with_content), sum(with_content)


def drop_holdings(session: Session, sample_ids: Sequence[str]) -> int:
    """Delete all consents to keep these samples, whose time is over; return how many there were."""
    gone = delete(ConsentRow).where(ConsentRow.sample_id.in_(sample_ids)).returning(ConsentRow.prediction_id)
    return len(session.scalars(gone).all())


def last_move(session: Session, who: str, moves: Sequence[str], browser: str) -> MoveRow | None:
    """Return the latest move of these names that `who` made in this browser and that is not undone."""
    query = (
        select(MoveRow)
        .outerjoin(CorrectionRow, MoveRow.correction_id == CorrectionRow.id)
        .where(made_in_page(who, moves), MoveRow.browser == browser, MoveRow.browser != "")  # "": nobody knows whose
    )
    return session.scalar(query.order_by(MoveRow.id.desc()).limit(1))


def answers_given(session: Session, sample_ids: Collection[str], who: str, browser: str) -> list[MoveRow]:
    """Return the moves by which `who` answered these samples in this browser and that are not undone."""
    rows: list[MoveRow] = []
    for part in parts(sample_ids):
        query = select(MoveRow).join(CorrectionRow, MoveRow.correction_id == CorrectionRow.id)
        query = query.where(made_in_page(who, ("label",)), MoveRow.browser == browser, MoveRow.browser != "")
        query = query.where(MoveRow.sample_id.in_(part), CorrectionRow.withdrawn_at.is_(None))
        rows += session.scalars(query.order_by(MoveRow.id))
    return rows


def made_in_page(who: str, moves: Sequence[str], move: Any = MoveRow, said: Any = CorrectionRow) -> ColumnElement[bool]:
    """Return the condition on moves and their corrections for those of `who` in the page that are not undone."""
    here = or_(said.id.is_(None), said.source == CorrectionSource.PAGE)
    return and_(move.who == who, move.move.in_(moves), move.undone_at.is_(None), here)
