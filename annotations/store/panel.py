"""SQL about what versions answered to the panel, the samples that judge every version, and to random checks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session, defer

from annotations.acquisition.strata import AUDITED
from annotations.schema import CorrectionRow, PanelAnswerRow, SampleRow
from annotations.store import labels
from annotations.store.samples import ASKED, HAS_CONTENT, PREDICTIONS, parts
from mmdemo.values.promise import ASKED_ALWAYS, NEVER
from mmdemo.values.samples import Prediction


@dataclass(frozen=True)
class Member:
    """A sample of the panel, what one version answered to it, and what people say it is."""

    sample_id: str
    modalities: tuple[str, ...]
    value: str  # the version's answer; "" of what was erased since
    confidence: float  # NEVER: people are asked whatever the threshold
    label: str | None  # None: nobody has said
    came_at: datetime


def keep(session: Session, sample_id: str, prediction: Prediction) -> None:
    """Write down what a version answered to a sample; what it answered before gives way."""
    confidence = NEVER if prediction.capped else prediction.confidence
    session.merge(
        PanelAnswerRow(
            sample_id=sample_id, version=prediction.model_version, value=prediction.label, confidence=confidence
        )
    )


def erase(session: Session, sample_id: str) -> None:
    """Take out what versions answered to a sample."""
    session.execute(delete(PanelAnswerRow).where(PanelAnswerRow.sample_id == sample_id))


@dataclass(frozen=True)
class PanelSample:
    """A sample of the panel with what counts as its answer."""

    row: SampleRow
    value: str


def answered(session: Session, task: str, version: str) -> list[PanelSample]:
    """Return the samples of the panel that a version answered when they were sent, and people since; oldest first."""
    query = labels.standing(session, task).where(HAS_CONTENT, SampleRow.in_panel, SampleRow.model_version == version)
    query = query.where(SampleRow.prediction.is_not(None))
    query = query.options(*map(defer, PREDICTIONS))
    return [PanelSample(row, correction.value) for correction, row in session.execute(query)]


def values(session: Session, version: str, sample_ids: Collection[str]) -> dict[str, str]:
    """Return sample → what a version answered to it, of those of these samples that it was asked about."""
    by_sample: dict[str, str] = {}
    for part in parts(sample_ids):
        query = select(PanelAnswerRow).where(PanelAnswerRow.version == version, PanelAnswerRow.sample_id.in_(part))
        by_sample.update({row.sample_id: row.value for row in session.scalars(query)})
    return by_sample


def unanswered(session: Session, task: str, version: str, other: str) -> list[SampleRow]:
    """Return the samples that `answered` returns of a version, and that the `other` one was not asked about yet."""
    rows = [one.row for one in answered(session, task, version)]
    known = values(session, other, [row.sample_id for row in rows])
    return [row for row in rows if row.sample_id not in known]


def members(session: Session, task: str, version: str, since: datetime | None = None) -> list[Member]:
    """Return the panel's samples that a version answered and that came after a moment, in the order in which they came.

    What was erased is among them where it was this version's answer, for it might have been wrong: of its answer no
    more is known than whether it went out unasked.
    """
    answer = PanelAnswerRow
    query = select(
        SampleRow.sample_id,
        SampleRow.modalities,
        SampleRow.stratum,
        SampleRow.created_at,
        answer.value,
        answer.confidence,
        CorrectionRow.value.label("label"),
    ).outerjoin(answer, (answer.sample_id == SampleRow.sample_id) & (answer.version == version))
    query = query.outerjoin(CorrectionRow, (CorrectionRow.id == SampleRow.standing_id) & HAS_CONTENT)
    query = query.where(SampleRow.task == task, SampleRow.in_panel)
    gone = SampleRow.forgotten_at.is_not(None) & (SampleRow.model_version == version)
    query = query.where(answer.value.is_not(None) | gone)
    if since is not None:
        query = query.where(SampleRow.created_at > since)
    rows = session.execute(query.order_by(SampleRow.created_at, SampleRow.sample_id)).all()
    return [
        Member(
            row.sample_id,
            tuple(row.modalities),
            row.value or "",
            row.confidence if row.confidence is not None else _of_erased(row.stratum),
            row.label,
            row.created_at,
        )
        for row in rows
    ]


def unanswered_by(session: Session, task: str, version: str) -> Sequence[SampleRow]:
    """Return the panel's samples that can be shown to a version and that it has not answered, by their id."""
    answered = exists().where(PanelAnswerRow.sample_id == SampleRow.sample_id, PanelAnswerRow.version == version)
    query = select(SampleRow).where(SampleRow.task == task, SampleRow.in_panel, HAS_CONTENT, ~answered)
    return session.scalars(query.order_by(SampleRow.sample_id).options(*map(defer, PREDICTIONS))).all()


def checked(session: Session, task: str, version: str, since: datetime | None = None) -> list[tuple[str, str]]:
    """Return what a version answered to random checks as it served, and what people say, as they said it.

    Of checks that came after a moment.
    """
    query = labels.standing(session, task).where(HAS_CONTENT, SampleRow.stratum == AUDITED)
    query = query.where(SampleRow.model_version == version, SampleRow.prediction.is_not(None))
    if since is not None:
        query = query.where(SampleRow.created_at > since)
    said = session.execute(query.with_only_columns(SampleRow.predicted_value, CorrectionRow.value))
    return [(guess, label) for guess, label in said]


def _of_erased(stratum: str | None) -> float:
    return ASKED_ALWAYS if stratum == AUDITED else NEVER


def name_scorer(session: Session, task: str, version: str) -> None:
    """Write down a version with what is asked about blind: its guess is the one that is not shown."""
    is_check = or_(SampleRow.stratum.is_not_distinct_from(AUDITED), SampleRow.in_panel)
    due = (SampleRow.task == task, SampleRow.state.in_(ASKED), SampleRow.scored_by != version, is_check)
    session.execute(update(SampleRow).where(*due).values(scored_by=version))
