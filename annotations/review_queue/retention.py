"""How content goes: its sender takes it back, or nobody answered in time. The row stays, with its state.

What was erased no longer trains. Time, and what a folder holds, erase nothing that could not be a fault: see `expire`.

One reading of one clock is not enough: a machine may start with a clock that is years ahead. The store remembers the
last reading. One that lies further ahead than a program is usually off is doubted: that is told, and nothing is erased
for it until readings have gone on from there for CLOCK_WAIT, or a person says so.
"""

import itertools
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from annotations import media
from annotations.review_queue import content, log, removal
from annotations.schema import SampleRow, now
from annotations.store import Session, Store, facts, labels, panel, samples, snapshots, tallies
from annotations.store.labels import iso
from mmdemo.errors import MmdemoError, StorageError, UnknownName
from mmdemo.values.review import WAITING, Reason

ROUND_S = 600.0  # between two looks of `watch`
ROUNDS_A_DAY = 144
SHARE = 0.2  # of the samples, or of the files, that goes at once without being told to
FEW = 100  # … or so many, where that is more
EXPIRED, SWEPT, CLOCK = "expired", "swept", "clock"  # what notices are about
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)  # nothing was kept before
_ORPHAN_AGE = timedelta(hours=1)  # a younger file may belong to a write that has not ended
FURTHEST_DAYS = 7  # between two readings of the clock that need no doubt; as long as things are kept, if that is less
CLOCK_WAIT = timedelta(days=3)
_LAST, _DOUBTED, _SEEN = "last", "doubted", "seen"  # moments, ISO 8601: the last believed; the first and last doubted


@dataclass(frozen=True)
class Erased:
    """What was taken out of the store of one sample."""

    row: SampleRow  # as it stands since
    inputs: tuple[str, ...] = ()  # of caption, image, audio those that it had
    files: int = 0  # of it that were removed
    answered: bool = False  # a model's answer was kept
    waited: bool = False  # people were asked about it
    corrections: int = 0  # that stood
    in_runs: int = 0  # snapshots of runs in which its id alone is left
    consents: int = 0  # to keep it
    shared: int = 0  # files of it that stay, for another sample needs the very same bytes
    wiped: bool = True  # nothing of it is left in the database's files
    trouble: StorageError | None = None  # what kept files from going; the same call tries it again


def forget(store: Store, prediction_id: str) -> None:
    """The sender of that id takes back what was sent; content goes when nobody else agreed to keep it.

    Raises UnknownName where nothing is kept under that id, StorageError.
    """
    with store.session() as session:
        sample_id = samples.take_holding(session, prediction_id)
        if sample_id is None:
            raise UnknownName("unknown_prediction", prediction_id=prediction_id)
        row = samples.get(session, sample_id)
        holders, of_content = samples.holders(session, sample_id)
        spare = not of_content if row.has_content else not holders and row.forgotten_at is None
        if spare:
            _erase(session, row, "forget")
        session.commit()
    removed = removal.finish(store, [sample_id] if spare else [])
    removal.scrub(store)
    if removed.trouble:
        raise removed.trouble


def erase(store: Store, sample_id: str) -> Erased:
    """Take out all that is kept of a sample, whoever agreed to keep it; of one that was erased before what came since.

    Raises UnknownName, StorageError.
    """
    with store.session() as session:
        row = samples.get(session, sample_id)
        consents = samples.drop_holdings(session, [row.sample_id])
        erased = _erase(session, row, "erase")
        session.commit()
    removed = removal.finish(store, [row.sample_id])
    return replace(
        erased,
        consents=consents,
        files=removed.files,
        shared=removed.shared,
        wiped=removal.scrub(store),
        trouble=removed.trouble,
    )


def expire(store: Store, days: int, at: datetime | None = None, told_to: bool = False) -> int:
    """Erase the content of samples that nobody answered within `days` of the last consent; 0 days: never.

    Also removes files that no sample refers to (left by a crash). Return how many samples lost their content.

    What looks like a fault is held back, and written down to be told: all of it while the clock is doubted; more than a
    share of the samples at once, of which a share goes each day; files while the folder is not this store's, or more
    than a share of them. `told_to`: a person wants it all the same, except in a folder that is another store's.
    """
    moment = at or now()
    with store.session() as session:
        believed = clock_is_believed(session, moment, days) or told_to
        session.commit()
    number = 0
    if believed:
        since = moment - timedelta(days=min(days, (moment - _EARLIEST).days))
        number = _expire_old(store, since, moment, told_to) if days else 0
    _remove(store)
    if believed:
        _sweep(store, told_to)
    removal.scrub(store)
    for notice in notices(store):
        logging.getLogger(__name__).warning("%s", notice.sentence())
    return number


def notices(store: Store) -> list[Reason]:
    """Return what is held back and why, for whoever runs this. Raises StorageError."""
    with store.reading() as session:
        return facts.told(session)


def keep_expiring(
    store: Store,
    days: int,
    stop: threading.Event,
    round_s: float = ROUND_S,
    each_round: Callable[[], None] = lambda: None,
) -> None:
    """Expire now and once a day until `stop` is set; in between wipe what a reader kept from being wiped.

    `each_round` lets go of what is kept elsewhere of samples that another process erased. What goes wrong is logged,
    and tried again in the next round or on the next day.
    """
    for number in itertools.count():
        for step in (each_round, partial(_wipe, store) if number % ROUNDS_A_DAY else partial(expire, store, days)):
            try:
                step()
            except (MmdemoError, OSError) as error:
                logging.getLogger(__name__).warning("%s", error)
        if stop.wait(round_s):
            return


def _wipe(store: Store) -> None:
    """Remove again what a reader kept from being removed."""
    _remove(store)
    removal.scrub(store)


def _expire_old(store: Store, since: datetime, moment: datetime, told_to: bool) -> int:
    """Erase all that is older than `since`, or a share of it where it is more; return how many lost their content."""
    with store.session() as session:
        old, whole = samples.count_unanswered(session, since), tallies.count_with_content(session)
        most = old if told_to else _share(whole)
        today = facts.get(session, EXPIRED).get("day") == moment.date().isoformat()
        if old > most:
            facts.put(session, EXPIRED, {"day": moment.date().isoformat()})
        held_back = old > most or (today and old > 0 and not told_to)
        reason = Reason("status.expiry_held", {"old": old, "whole": whole, "most": most})
        facts.tell(session, EXPIRED, reason if held_back else None)
        session.commit()
    if today and not told_to:
        return 0  # this day's share is gone already
    number = 0
    while number < most and (erased := _expire_some(store, since, min(removal.AT_ONCE, most - number))):
        number += erased
    return number


def _share(whole: int) -> int:
    return max(FEW, int(SHARE * whole))


def _expire_some(store: Store, before: datetime, limit: int) -> int:
    with store.session() as session:
        old = samples.unanswered(session, before, limit)
        samples.drop_holdings(session, [row.sample_id for row in old])
        for row in old:
            _erase(session, row, "expire")
        session.commit()
    return len(old)


def _sweep(store: Store, told_to: bool) -> None:
    """Remove the files that no sample needs, if the folder is this store's and they are not too many of its files."""
    if not store.is_paired():
        return
    spare = list(_spare(store, media.names(store.media, (now() - _ORPHAN_AGE).timestamp())))
    whole = media.count(store.media)
    too_many = not told_to and len(spare) > _share(whole)
    if not too_many:
        removal.clear(store, spare)
    with store.session() as session:
        reason = Reason("status.sweep_held", {"spare": len(spare), "whole": whole})
        facts.tell(session, SWEPT, reason if too_many else None)
        session.commit()


def _spare(store: Store, files: Iterable[str]) -> Iterator[str]:
    names = iter(files)
    while some := list(itertools.islice(names, removal.AT_ONCE)):
        with store.reading() as session:
            yield from samples.spare_media(session, some)


def _erase(session: Session, row: SampleRow, name: str) -> Erased:
    """Take out of the store all but a sample's id; of one that was erased before, what was written of it since."""
    inputs = tuple(kind for kind in ("caption", "image", "audio") if getattr(row, kind) is not None)
    answered, waited = row.prediction is not None, row.state in WAITING and row.has_content
    if row.has_content or row.prediction is not None or row.forgotten_at is None:
        facts.owe(session, row.sample_id, content.erase(row))
        log(session, row, name, row.state, "")
    corrections = labels.erase(session, row.sample_id)
    panel.erase(session, row.sample_id)
    in_runs = snapshots.erase(session, row.sample_id)
    facts.put(session, facts.ERASED, {"due": True})
    facts.put(session, facts.LAST_ERASED, {"sample_id": row.sample_id, "at": now().isoformat()})
    return Erased(row, inputs, answered=answered, waited=waited, corrections=corrections, in_runs=in_runs)


def _remove(store: Store) -> None:
    """Remove the files of all that was erased, those too that an earlier try could not; what keeps one is logged."""
    if trouble := removal.finish(store).trouble:
        logging.getLogger(__name__).warning("%s", trouble)


def clock_is_believed(session: Session, at: datetime, days: int) -> bool:
    """Take a reading of the clock, and tell whether it may be acted upon; `days`: how long things are kept, 0: always.

    The caller commits, also where it is not believed: it is written down to be told, and waits.
    """
    moments = {name: datetime.fromisoformat(value) for name, value in facts.get(session, facts.CLOCK).items()}
    furthest = timedelta(days=min(days or FURTHEST_DAYS, FURTHEST_DAYS))
    last = moments.get(_LAST) or samples.newest_change(session) or at
    if at - last <= furthest:
        _believe_clock(session, max(at, last))
        return True
    since, last_doubted = moments.get(_DOUBTED), moments.get(_SEEN)
    if since is None or last_doubted is None or not timedelta() <= at - last_doubted <= furthest:
        since = at  # the first such reading, or one that jumped again
    if at - since >= CLOCK_WAIT:
        _believe_clock(session, at)
        return True
    facts.put(session, facts.CLOCK, {_LAST: last.isoformat(), _DOUBTED: since.isoformat(), _SEEN: at.isoformat()})
    values = {"now": iso(at), "last": iso(last), "until": iso(since + CLOCK_WAIT)}
    facts.tell(session, CLOCK, Reason("status.clock_jumped", values))
    return False


def _believe_clock(session: Session, at: datetime) -> None:
    facts.put(session, facts.CLOCK, {_LAST: at.isoformat()})
    facts.tell(session, CLOCK, None)
