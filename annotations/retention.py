"""How content goes: its sender takes it back, or nobody answered in time. The row stays, with its state.

What was erased no longer trains.
"""

import itertools
import logging
import threading
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from annotations import content, media
from annotations.review_queue import log
from annotations.schema import SampleRow, now
from annotations.store import Session, Store, samples
from mmdemo.errors import MmdemoError, UnknownName
from mmdemo.locale import text

ROUND_S = 600.0  # between two looks of `watch`
ROUNDS_A_DAY = 144
_AT_ONCE = 200  # samples or files in one transaction: visitors wait no longer than it takes
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
    _scrub(store)


def expire(store: Store, days: int, at: datetime | None = None) -> int:
    """Erase the content of samples that nobody answered within `days` of the last consent; 0 days: never.

    Also removes files that no sample refers to (left by a crash). Return how many samples lost their content.
    """
    moment = at or now()
    number = 0
    since = moment - timedelta(days=min(days, (moment - _EARLIEST).days))
    while days and (erased := _expire_some(store, since)):
        number += erased
    _clear(store, media.names(store.media, (now() - _ORPHAN_AGE).timestamp()))
    _scrub(store)
    return number


def watch(store: Store, days: int, stop: threading.Event, round_s: float = ROUND_S) -> None:
    """Expire now and once a day until `stop` is set; in between wipe what a reader kept from being wiped.

    What goes wrong is logged, and tried again in the next round or on the next day.
    """
    for number in itertools.count():
        try:
            if number % ROUNDS_A_DAY:
                store.scrub()
            else:
                expire(store, days)
        except (MmdemoError, OSError) as error:
            logging.getLogger(__name__).warning("%s", error)
        if stop.wait(round_s):
            return


def _expire_some(store: Store, before: datetime) -> int:
    files: list[str] = []
    with store.session() as session:
        old = samples.unanswered(session, before, _AT_ONCE)
        samples.drop_holdings(session, [row.sample_id for row in old])
        for row in old:
            files += _erase(session, row, "expire")
        session.commit()
    _clear(store, files)
    return len(old)


def _erase(session: Session, row: SampleRow, name: str) -> list[str]:
    files = content.erase(row)
    log(session, row, name, row.state, "")
    return files


def _clear(store: Store, files: Iterable[str]) -> None:
    """Delete those of the files that no sample needs."""
    names = iter(files)
    while some := list(itertools.islice(names, _AT_ONCE)):
        with store.reading() as session:
            spare = samples.spare_media(session, some)
        if spare:
            with store.session() as session:  # a writer's lock: nobody begins to need one of these meanwhile
                media.remove(store.media, samples.spare_media(session, spare))


def _scrub(store: Store) -> None:
    if not store.scrub():
        logging.getLogger(__name__).warning("%s", text("cli.scrub_later", place=store.place))
