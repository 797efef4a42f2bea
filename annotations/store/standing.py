"""Which correction of a sample counts: it stands with the sample, so that nobody works it out for all of them.

Each person has one say about a sample, the latest they gave that was not withdrawn. What most of them say counts; where
as many say one thing as another, what was said last. Where reviewers who decide have a say, theirs alone are counted.
"""

from collections.abc import Collection

from sqlalchemy import Select, bindparam, case, func, select, update
from sqlalchemy.orm import Session

from annotations.schema import CorrectionRow, SampleRow
from annotations.store.samples import AT_ONCE, parts

DECIDING = "deciding"  # what a session knows of the settings: the annotators whose say counts before the majority's


def settle(session: Session, sample_ids: Collection[str]) -> None:
    """Write down which correction of these samples counts, by all that is written of them."""
    settled = update(SampleRow).where(SampleRow.sample_id == bindparam("own")).values(standing_id=bindparam("counts"))
    for part in parts(sample_ids):
        lock(session, part)
        counting = dict(session.execute(_counting(session, part)).all())
        session.connection().execute(settled, [{"own": name, "counts": counting.get(name)} for name in part])


def settle_all(session: Session) -> None:
    """Do the same for all samples of which anything was ever said."""
    after = ""
    of_any = select(CorrectionRow.sample_id).distinct().order_by(CorrectionRow.sample_id).limit(AT_ONCE)
    while some := session.scalars(of_any.where(CorrectionRow.sample_id > after)).all():
        settle(session, some)
        after = some[-1]


def lock(session: Session, sample_ids: Collection[str]) -> None:
    """Keep these samples from being changed by others until the transaction ends, where the database can lock rows."""
    query = select(SampleRow.sample_id).where(SampleRow.sample_id.in_(sample_ids)).order_by(SampleRow.sample_id)
    session.execute(query.with_for_update()).all()


def _counting(session: Session, sample_ids: Collection[str]) -> Select[str, int]:
    """Return the query of sample → the id of the correction that counts: of what most people say, the latest.

    Of a sample about which reviewers who decide have a say, what most of these say.
    """
    row = CorrectionRow
    time = (row.corrected_at.desc(), row.id.desc())
    nth = func.row_number().over(partition_by=(row.sample_id, row.annotator), order_by=time).label("nth")
    decides = case((row.annotator.in_(session.info[DECIDING]), 1), else_=0).label("decides")
    query = select(row.id, row.sample_id, row.value, row.corrected_at, decides, nth)
    say = query.where(row.withdrawn_at.is_(None), row.sample_id.in_(sample_ids)).subquery()
    voices = func.count().over(partition_by=(say.c.sample_id, say.c.decides, say.c.value)).label("voices")
    columns = say.c.id, say.c.sample_id, say.c.corrected_at, say.c.decides, voices
    counted = select(*columns).where(say.c.nth == 1).subquery()
    order = (counted.c.decides.desc(), counted.c.voices.desc(), counted.c.corrected_at.desc(), counted.c.id.desc())
    place = func.row_number().over(partition_by=counted.c.sample_id, order_by=order).label("place")
    ranked = select(counted.c.id, counted.c.sample_id, place).subquery()
    return select(ranked.c.sample_id, ranked.c.id).where(ranked.c.place == 1)
