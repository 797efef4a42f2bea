"""Store and media folder carry one id, written in both: without it nothing is erased by the folder's content.

A store that was moved away, or another `MMDEMO_DATABASE_URL`, makes every file look as if no sample needed it. So what
goes through the whole folder first asks here. A home of before has no id: it gets one when it is opened, if the
folder's files are those that the store knows.
"""

import itertools
import logging
import secrets
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from annotations.schema import SampleRow
from annotations.store import facts, private
from mmdemo import whole_file
from mmdemo.values.review import Reason

MARKER = "store-id"  # the file in the media folder that holds the id
MEDIA = "media"  # what the notice is about
UNKNOWN_SHARE = 0.2  # of the folder's files that a store may not know and still be taken for the folder's own
_LOOK = 2_000  # files that are looked up
_AT_ONCE = 500
_ID_BYTES = 16
_log = logging.getLogger(__name__)


def is_paired(session: Session, media: Path) -> bool:
    """Tell whether the store and this folder carry the same id."""
    own = facts.get(session, facts.STORE_ID).get("id")
    return own is not None and own == read(media)


def pair(session: Session, media: Path, told_to: bool = False) -> bool:
    """Give store and folder one id where that is safe, or where somebody tells to; return whether they carry one.

    Safe is a folder without files, or one whose files this store knows, unless both carry an id already. The caller's
    session holds the writer's lock and commits. Raises OSError.
    """
    if is_paired(session, media):
        return True
    own, there = facts.get(session, facts.STORE_ID), read(media)
    if not told_to and (("id" in own and there) or "stranger" in own or not _knows(session, media)):
        # Written down: else its own new files would make it look like the folder's store later.
        facts.put(session, facts.STORE_ID, {"id": own.get("id") or _new_id(), "stranger": True})
        facts.tell(session, MEDIA, Reason("status.media_of_another", {"folder": str(media)}))
        return False
    chosen = own.get("id") or there or _new_id()
    facts.put(session, facts.STORE_ID, {"id": chosen})
    facts.tell(session, MEDIA, None)
    private.make_folder(media)
    with whole_file.replacing(media / MARKER) as file:
        file.write(f"{chosen}\n".encode())
    return True


def read(media: Path) -> str | None:
    """Return the id that a media folder carries."""
    try:
        return (media / MARKER).read_text("utf-8", "replace").strip() or None
    except OSError:
        return None


def _knows(session: Session, media: Path) -> bool:
    files = (path.relative_to(media).as_posix() for path in media.glob("*/*"))
    names = list(itertools.islice(files, _LOOK))
    stored_names: set[str | None] = set()
    for start in range(0, len(names), _AT_ONCE):
        for column in (SampleRow.image, SampleRow.audio):
            stored_names.update(session.scalars(select(column).where(column.in_(names[start : start + _AT_ONCE]))))
    return len(names) - len(stored_names & set(names)) <= UNKNOWN_SHARE * len(names)


def _new_id() -> str:
    return secrets.token_hex(_ID_BYTES)
