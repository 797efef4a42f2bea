"""SQL about what versions answered to the panel: the samples that judge every version."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from annotations.schema import PanelAnswerRow
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
