"""How content goes: its sender takes it back, or nobody answered in time. The row stays, with its state.

What was erased no longer trains.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from annotations import content, media
from annotations.review_queue import log
from annotations.schema import SampleRow, now
from annotations.store import Session, Store, samples
from mmdemo.errors import UnknownName
from mmdemo.review import QUEUED, SENT, SKIPPED, UNSURE

UNANSWERED = (QUEUED, SENT, SKIPPED, UNSURE)
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # nothing was kept before
_ORPHAN_AGE = timedelta(hours=1)  # a younger file may belong to a write that has not ended


def forget(store: Store, prediction_id: str) -> None:
    """The sender of that id takes back what was sent; content goes when nobody else agreed to keep it.

    Raises UnknownName where nothing is kept under that id, StorageError.
    """
    with store.session() as session:
        sample_id = samples.take_holding(session, prediction_id)
        if sample_id is None:
            raise UnknownName("unknown_prediction", prediction_id=prediction_id)
        row = samples.get(session, sample_id)
        needed = samples.holders(session, sample_id) > 0 or not row.has_content
        files = [] if needed else _erase(session, row, "forget")
        session.commit()
    _clear(store, files)
    store.scrub()


def expire(store: Store, days: int, at: datetime | None = None) -> int:
    """Erase the content of samples that nobody answered within `days` of the last consent; 0 days: never.

    Also removes files that no sample refers to (left by a crash). Return how many samples lost their content.
    """
    moment = at or now()
    files: list[str] = []
    with store.session() as session:
        since = moment - timedelta(days=min(days, (moment - _EARLIEST).days))
        old = samples.older_than(session, since, UNANSWERED) if days else []
        for row in old:
            samples.drop_holdings(session, row.sample_id)
            files += _erase(session, row, "expire")
        session.commit()
    _clear(store, [*files, *media.names(store.media, (now() - _ORPHAN_AGE).timestamp())])
    store.scrub()
    return len(old)


def _erase(session: Session, row: SampleRow, name: str) -> list[str]:
    files = content.erase(row)
    log(session, row, name, row.state, "")
    return files


def _clear(store: Store, files: Iterable[str]) -> None:
    """Delete those of the files that no sample needs."""
    with store.reading() as session:
        spare = [name for name in files if not samples.needs_media(session, name)]
    if spare:
        with store.session() as session:  # a writer's lock: nobody begins to need one of these meanwhile
            media.remove(store.media, [name for name in spare if not samples.needs_media(session, name)])
