"""SQL about corrections: the one of a sample that counts, see `standing`, and its history, which is all the others."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Select, exists, func, select, update
from sqlalchemy.orm import Session, aliased

from annotations.schema import CorrectionRow, MoveRow, SampleRow, now
from annotations.store import tallies
from annotations.store.samples import HAS_CONTENT, made_in_page, parts
from annotations.store.standing import DECIDING, settle
from mmdemo.values.review import Correction


@dataclass(frozen=True)
class LabelledContent:
    """A correction that counts, with what it is about: a row to train on or to export."""

    correction_id: int  # grows with time
    correction: Correction
    text: str | None
    image: str | None  # names under the media folder
    audio: str | None
    split_draw: float  # see `annotations.acquisition.strata`
    stratum: str | None = None  # see `annotations.acquisition.strata`
    propensity: float | None = None
    is_golden: bool = False  # see `annotations.golden`
    in_panel: bool = False
    answers: int = 1  # that were given to the sample and not withdrawn


def standing(
    session: Session, task: str = "", sample_ids: Collection[str] | None = None
) -> Select[CorrectionRow, SampleRow]:
    """Return the query of the corrections that count, each with its sample, oldest first; of these samples alone."""
    query = select(CorrectionRow, SampleRow).join(SampleRow, SampleRow.standing_id == CorrectionRow.id)
    query = query.where(SampleRow.standing_id.is_not(None))  # in any state: it may be asked about again
    if sample_ids is not None:
        query = query.where(SampleRow.sample_id.in_(sample_ids))
    return (query.where(SampleRow.task == task) if task else query).order_by(CorrectionRow.id)


def decides(session: Session, annotator: str) -> bool:
    """Whether this annotator's say counts before the majority's."""
    return annotator in session.info[DECIDING]


def counting(session: Session, sample_id: str) -> CorrectionRow | None:
    """Return the correction of a sample that counts."""
    return counting_of(session, [sample_id]).get(sample_id)


def counting_of(session: Session, sample_ids: Collection[str]) -> dict[str, CorrectionRow]:
    """Return sample → the correction that counts, of those of these samples that have one."""
    by_sample: dict[str, CorrectionRow] = {}
    for part in parts(sample_ids):
        query = standing(session, sample_ids=part).with_only_columns(CorrectionRow)
        by_sample.update({row.sample_id: row for row in session.scalars(query)})
    return by_sample


def corrections(session: Session, task: str = "") -> list[LabelledContent]:
    """Return the corrections that count and still have their content, oldest first. "": of all tasks."""
    answers = select(CorrectionRow.sample_id, func.count().label("number")).where(CorrectionRow.withdrawn_at.is_(None))
    numbers = answers.group_by(CorrectionRow.sample_id).subquery()
    query = standing(session, task).where(HAS_CONTENT).join(numbers, numbers.c.sample_id == SampleRow.sample_id)
    return [
        LabelledContent(
            row.id,
            as_correction(row, sample.task),
            sample.caption,
            sample.image,
            sample.audio,
            sample.split_draw,
            sample.stratum,
            sample.propensity,
            sample.pinned_at is not None,
            sample.in_panel,
            number,
        )
        for row, sample, number in session.execute(query.add_columns(numbers.c.number))
    ]


def standing_samples(session: Session, task: str) -> Select[str]:
    """Return the query of the samples that `corrections` speak of."""
    return standing(session, task).where(HAS_CONTENT).with_only_columns(SampleRow.sample_id).order_by(None)


def standing_among(session: Session, task: str, sample_ids: Collection[str]) -> set[str]:
    """Return those of these samples that `corrections` speak of."""
    among = (standing(session, task, part).where(HAS_CONTENT) for part in parts(sample_ids))
    return {name for query in among for name in session.scalars(query.with_only_columns(SampleRow.sample_id))}


def every(session: Session, sample_id: str) -> list[CorrectionRow]:
    """Return all corrections of a sample, withdrawn ones too, oldest first."""
    query = select(CorrectionRow).where(CorrectionRow.sample_id == sample_id)
    return list(session.scalars(query.order_by(CorrectionRow.id)))


def history(session: Session, sample_id: str) -> list[CorrectionRow]:
    """Return the corrections of a sample that were not withdrawn, oldest first."""
    return [row for row in every(session, sample_id) if row.withdrawn_at is None]


def histories(session: Session, sample_ids: Collection[str]) -> dict[str, list[CorrectionRow]]:
    """Return sample id → its history, of those of these samples that have one."""
    by_sample: dict[str, list[CorrectionRow]] = {}
    for part in parts(sample_ids):
        query = select(CorrectionRow).where(CorrectionRow.sample_id.in_(part), CorrectionRow.withdrawn_at.is_(None))
        for row in session.scalars(query.order_by(CorrectionRow.id)):
            by_sample.setdefault(row.sample_id, []).append(row)
    return by_sample


def erase(session: Session, sample_id: str) -> int:
    """Take out what a sample was said to be, by people and by models, and withdraw it; return how often it was said.

    A value may be the words of a sound, and a note may quote a caption: that somebody answered is left, and when.
    """
    tallies.touch(session, [sample_id])
    of_sample = update(CorrectionRow).where(CorrectionRow.sample_id == sample_id)
    standing = of_sample.where(CorrectionRow.withdrawn_at.is_(None)).values(withdrawn_at=now())
    count = len(session.scalars(standing.returning(CorrectionRow.id)).all())
    session.execute(of_sample.values(value="", predicted_value="", note="", wrong_reason=False))
    settle(session, [sample_id])
    return count


def taken_over(
    session: Session, source: str, place: str, sample_ids: Collection[str]
) -> dict[str, list[CorrectionRow]]:
    """Return sample id → the standing corrections that came from that place of an outside server, oldest first."""
    by_sample: dict[str, list[CorrectionRow]] = {}
    for part in parts(sample_ids):
        query = select(CorrectionRow).where(CorrectionRow.sample_id.in_(part), CorrectionRow.source == source)
        query = query.where(CorrectionRow.withdrawn_at.is_(None), CorrectionRow.external_id.startswith(f"{place}/"))
        for row in session.scalars(query.order_by(CorrectionRow.corrected_at, CorrectionRow.id)):
            by_sample.setdefault(row.sample_id, []).append(row)
    return by_sample


@dataclass(frozen=True)
class AnnotatorMove:
    """What an annotator last did with a sample in the page."""

    move: MoveRow
    sample: SampleRow
    correction: CorrectionRow | None  # what they said, where they did
    standing: CorrectionRow | None  # what counts today


def given_by(
    session: Session, annotator: str, moves: Sequence[str], tasks: Sequence[str], limit: int
) -> list[AnnotatorMove]:
    """Return what an annotator last did, by one of these moves, with samples that still have content; newest first."""
    later, theirs = aliased(MoveRow), aliased(CorrectionRow)
    again = select(later.id).outerjoin(theirs, later.correction_id == theirs.id)
    again = again.where(made_in_page(annotator, moves, later, theirs), later.sample_id == MoveRow.sample_id)
    query = (
        select(MoveRow, SampleRow, CorrectionRow)
        .join(SampleRow, MoveRow.sample_id == SampleRow.sample_id)
        .outerjoin(CorrectionRow, MoveRow.correction_id == CorrectionRow.id)
        .where(made_in_page(annotator, moves), ~again.where(later.id > MoveRow.id).exists())
        .where(SampleRow.task.in_(tasks), HAS_CONTENT)
    )
    rows = session.execute(query.order_by(MoveRow.id.desc()).limit(limit)).all()
    standing_of = counting_of(session, [sample.sample_id for _, sample, _ in rows])
    return [
        AnnotatorMove(move, sample, correction, standing_of.get(sample.sample_id)) for move, sample, correction in rows
    ]


def count_since(session: Session, tasks: Collection[str], moment: datetime) -> int:
    """Return how many corrections that count were given since `moment` about samples of these tasks."""
    counts = exists().where(SampleRow.standing_id == CorrectionRow.id, SampleRow.task.in_(tasks))
    counts = counts.where(SampleRow.sample_id == CorrectionRow.sample_id)
    query = select(func.count()).select_from(CorrectionRow).where(CorrectionRow.corrected_at >= moment, counts)
    return session.scalar(query) or 0


def as_correction(row: CorrectionRow, task: str) -> Correction:
    """Return the value that travels."""
    return Correction(
        sample_id=row.sample_id,
        task=task,
        label=row.value,
        annotator=row.annotator,
        note=row.note,
        wrong_reason=row.wrong_reason,
        corrected_at=iso(row.corrected_at),
        predicted_label=row.predicted_value,
        model_version=row.model_version,
        source=row.source,
    )


def as_corrections(session: Session, row: SampleRow) -> tuple[Correction, ...]:
    """Return what was said of a sample and not withdrawn, oldest first, each with whether its value counts."""
    counts = counting(session, row.sample_id)
    return tuple(
        replace(as_correction(one, row.task), counts=counts is None or one.value == counts.value)
        for one in history(session, row.sample_id)
    )


def iso(moment: datetime) -> str:
    """Return a moment as page, API and files write it: UTC, ISO 8601 with seconds."""
    return moment.isoformat(timespec="seconds")
