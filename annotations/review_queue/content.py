"""What a row holds of what somebody sent, and by whose consent: filled, held, erased.

Content is the caption, the media, and what was answered: an answer may be the words of a sound, and its map quotes the
caption. These functions change rows of an open session; whoever calls them commits.
"""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from enum import StrEnum

from annotations.media import Copy
from annotations.schema import ConsentRow, SampleRow, now
from annotations.store import Session, samples
from mmdemo.errors import UnknownName
from mmdemo.values.review import view_key
from mmdemo.values.samples import Inputs


class Holder(StrEnum):
    """By whose leave a sample is kept."""

    VISITOR = "visitor"  # who sent it
    FLAGGING = "flagging"  # an app with a model of its own
    IMPORT = "import"  # whoever brought a manifest


_ID_BYTES = 24  # 192 random bits: nobody guesses an id


def fill(row: SampleRow, inputs: Inputs, copies: Mapping[str, Copy]) -> None:
    """Give a row its content; `copies` as `media.copies_of` made them."""
    row.caption = inputs.text
    row.image = copies["image"].name if "image" in copies else None
    row.audio = copies["audio"].name if "audio" in copies else None
    row.original_digest = inputs.original or None
    row.forgotten_at = None


def erase(row: SampleRow) -> list[str]:
    """Take out of a row what was sent and what was answered; return the files that it referred to.

    Its id is left, and what became of it: task, state, moments, the draw by which it came to people.
    """
    files = [file for file in (row.image, row.audio) if file]
    row.caption = row.image = row.audio = row.suggested = row.original_digest = row.caption_digest = None
    row.release()
    row.prediction = row.fresh_prediction = None
    row.pinned_at = None
    row.predicted_value, row.confidence, row.doubt, row.scored_by = "", 0.0, 0.0, row.model_version
    row.forgotten_at = row.updated_at = now()
    return files


def hold(
    session: Session, row: SampleRow, content: bool, holder: Holder = Holder.VISITOR, earlier: str | None = None
) -> str:
    """Write down a consent to keep a row (with `content` its inputs too), and return its unguessable id.

    A visitor's is a new one, unless the id of an `earlier` one is given, which its sender alone knows: that one grows.
    A program's always grows. Raises UnknownName where nothing of this sample is kept under `earlier`.
    """
    existing = _known(session, row, holder, earlier)
    consent = existing or ConsentRow(prediction_id=secrets.token_hex(_ID_BYTES), sample_id=row.sample_id, holder=holder)
    consent.content = bool(consent.content) or content
    consent.agreed_at = now()
    if content:  # whoever agreed to the row alone keeps nobody's inputs for longer
        row.agreed_at = consent.agreed_at
    session.add(consent)
    return consent.prediction_id


def opens(session: Session, row: SampleRow, keys: Sequence[str]) -> bool:
    """Tell whether one of these view keys belongs to a visitor who keeps this row."""
    ids = samples.ids_of_holders(session, row.sample_id, Holder.VISITOR)
    own = [view_key(prediction_id).encode() for prediction_id in ids]
    return any(hmac.compare_digest(key.encode(), mine) for key in keys for mine in own)


def _known(session: Session, row: SampleRow, holder: str, earlier: str | None) -> ConsentRow | None:
    if holder != Holder.VISITOR:
        return samples.newest_holding(session, row.sample_id, holder)
    if earlier is None:
        return None
    consent = session.get(ConsentRow, earlier)
    if consent is None or consent.sample_id != row.sample_id:
        raise UnknownName("unknown_prediction", prediction_id=earlier)
    return consent
