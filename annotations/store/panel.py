"""SQL about what versions answered to the panel: the samples that judge every version."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from annotations.schema import PanelAnswerRow, SampleRow
from annotations.store import labels
from annotations.store.samples import HAS_CONTENT, parts
from mmdemo.values.promise import NEVER
from mmdemo.values.samples import Prediction


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
