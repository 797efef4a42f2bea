"""SQL about samples, the consents that hold them, and the log of their moves."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from annotations.schema import CorrectionRow, HoldingRow, MoveRow, SampleRow
from mmdemo.errors import UnknownName
from mmdemo.review import QUEUED, SENT

WAITING = (QUEUED, SENT)  # states in which a person is still asked
FORGOTTEN = "forgotten"  # how samples without content are counted, whatever their state was
_HAS_CONTENT = or_(SampleRow.caption.is_not(None), SampleRow.image.is_not(None), SampleRow.audio.is_not(None))


def find(session: Session, sample_id: str) -> SampleRow | None:
    """Return the sample, locked until the transaction ends where the database can lock rows."""
    return session.scalar(select(SampleRow).where(SampleRow.sample_id == sample_id).with_for_update())


def get(session: Session, sample_id: str) -> SampleRow:
    """Return the sample like `find`. Raises UnknownName."""
    row = find(session, sample_id)
    if row is None:
        raise UnknownName("unknown_sample", sample_id=sample_id)
    return row


def waiting(
    session: Session, task: str = "", limit: int | None = None, states: Sequence[str] = WAITING
) -> Sequence[SampleRow]:
    """Return samples that can be shown to a person: most doubtful first, then oldest, then by id. "": all tasks."""
    query = select(SampleRow).where(SampleRow.state.in_(states), _HAS_CONTENT)
    if task:
        query = query.where(SampleRow.task == task)
    order = (SampleRow.doubt.desc(), SampleRow.created_at, SampleRow.sample_id)
    return session.scalars(query.order_by(*order).limit(limit)).all()


def count_by_state(session: Session, task: str) -> dict[str, int]:
    """Return state → samples of a task; those whose content was erased after the fact count as FORGOTTEN."""
    counts: dict[str, int] = {}
    gone = SampleRow.forgotten_at.is_not(None)
    query = select(SampleRow.state, gone, func.count()).where(SampleRow.task == task).group_by(SampleRow.state, gone)
    for state, forgotten, number in session.execute(query):
        name = FORGOTTEN if forgotten else state
        counts[name] = counts.get(name, 0) + number
    return counts


def task_names(session: Session) -> list[str]:
    """Return the tasks that have samples, in the order of the alphabet."""
    return list(session.scalars(select(SampleRow.task).distinct().order_by(SampleRow.task)))


def older_than(session: Session, moment: datetime, states: Sequence[str]) -> Sequence[SampleRow]:
    """Return samples of these states with content whose latest consent is older than `moment`."""
    query = select(SampleRow).where(SampleRow.state.in_(states), _HAS_CONTENT, SampleRow.agreed_at < moment)
    return session.scalars(query.order_by(SampleRow.sample_id)).all()


def needs_media(session: Session, name: str) -> bool:
    """Whether any sample still refers to this file."""
    query = select(SampleRow.sample_id).where(or_(SampleRow.image == name, SampleRow.audio == name)).limit(1)
    return session.scalar(query) is not None


def take_holding(session: Session, prediction_id: str) -> str | None:
    """Delete that consent and return its sample's id, None where there is none."""
    holding = session.get(HoldingRow, prediction_id)
    if holding is None:
        return None
    session.delete(holding)
    session.flush()
    return holding.sample_id


def newest_holding(session: Session, sample_id: str, holder: str) -> HoldingRow | None:
    """Return the latest consent of this kind for the sample."""
    query = select(HoldingRow).where(HoldingRow.sample_id == sample_id, HoldingRow.holder == holder)
    order = (HoldingRow.agreed_at.desc(), HoldingRow.prediction_id)
    return session.scalar(query.order_by(*order).limit(1))


def holders(session: Session, sample_id: str) -> int:
    """Return how many agreed to keep the inputs of this sample."""
    query = select(func.count()).where(HoldingRow.sample_id == sample_id, HoldingRow.content.is_(True))
    return session.scalar(query) or 0


def drop_holdings(session: Session, sample_id: str) -> None:
    """Delete all consents to keep this sample: its time is over."""
    session.execute(delete(HoldingRow).where(HoldingRow.sample_id == sample_id))


def last_move(session: Session, who: str, moves: Sequence[str]) -> MoveRow | None:
    """Return the latest move of these names that `who` made in the page and that is not undone."""
    query = (
        select(MoveRow)
        .outerjoin(CorrectionRow, MoveRow.correction_id == CorrectionRow.id)
        .where(MoveRow.who == who, MoveRow.move.in_(moves), MoveRow.undone_at.is_(None))
        .where(or_(CorrectionRow.id.is_(None), CorrectionRow.source == "page"))
    )
    return session.scalar(query.order_by(MoveRow.id.desc()).limit(1))
