"""Whether the clock can be believed before something is done that cannot be undone.

One reading of one clock is not enough: a machine may start with a clock that is years ahead. The store remembers the
last reading. One that lies further ahead than a program is usually off is doubted: that is told, and nothing is erased
for it until readings have gone on from there for WAIT, or a person says so.
"""

from datetime import datetime, timedelta

from annotations.store import Session, facts, samples
from annotations.store.labels import iso
from mmdemo.values.review import Reason

FURTHEST_DAYS = 7  # between two readings that need no doubt, or as long as things are kept, if that is less
WAIT = timedelta(days=3)
ABOUT = "clock"
_LAST, _DOUBTED, _SEEN = "last", "doubted", "seen"  # moments, ISO 8601: the last believed; the first and last doubted


def is_believed(session: Session, at: datetime, days: int) -> bool:
    """Take a reading of the clock, and tell whether it may be acted upon; `days`: how long things are kept, 0: always.

    The caller commits, also where it is not believed: it is written down to be told, and waits.
    """
    moments = {name: datetime.fromisoformat(value) for name, value in facts.get(session, facts.CLOCK).items()}
    furthest = timedelta(days=min(days or FURTHEST_DAYS, FURTHEST_DAYS))
    last = moments.get(_LAST) or samples.newest_change(session) or at
    if at - last <= furthest:
        _believe(session, max(at, last))
        return True
    since, last_doubted = moments.get(_DOUBTED), moments.get(_SEEN)
    if since is None or last_doubted is None or not timedelta() <= at - last_doubted <= furthest:
        since = at  # the first such reading, or one that jumped again
    if at - since >= WAIT:
        _believe(session, at)
        return True
    facts.put(session, facts.CLOCK, {_LAST: last.isoformat(), _DOUBTED: since.isoformat(), _SEEN: at.isoformat()})
    values = {"now": iso(at), "last": iso(last), "until": iso(since + WAIT)}
    facts.tell(session, ABOUT, Reason("status.clock_jumped", values))
    return False


def _believe(session: Session, at: datetime) -> None:
    facts.put(session, facts.CLOCK, {_LAST: at.isoformat()})
    facts.tell(session, ABOUT, None)
