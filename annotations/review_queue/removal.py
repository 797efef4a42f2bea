"""What was erased goes from the disk: files that nothing needs any more, and old words in the database's own files.

A row says first that its files are to go, in the very transaction that takes its content out. So it is known of what a
crash, a full disk or a folder that nobody may write left behind, and it is tried again until it is gone.
"""

import itertools
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from annotations import media
from annotations.store import Store, facts, samples
from mmdemo.errors import StorageError
from mmdemo.locale import text

AT_ONCE = 200  # samples or files in one transaction: visitors wait no longer than it takes


@dataclass(frozen=True)
class Removed:
    """What came of removing the files of erased samples."""

    files: int = 0
    shared: int = 0  # which stayed: another sample needs the very same bytes
    trouble: StorageError | None = None  # what kept some from going; they are tried again


def finish(store: Store, sample_ids: Collection[str] | None = None) -> Removed:
    """Remove the files that are still to go, of these samples or of all. Raises StorageError where it cannot be asked.

    What a sample made encoders say goes each time: a retraining run at work may have written it again.
    """
    with store.reading() as session:
        owed = facts.owed(session, sample_ids)
    files, shared, trouble = 0, 0, None
    try:
        media.forget_tokens(store.tokens, owed if sample_ids is None else sample_ids)
    except StorageError as error:
        trouble = error
    try:
        for start in range(0, len(owed), AT_ONCE):
            part = dict(itertools.islice(owed.items(), start, start + AT_ONCE))
            names = [name for of_sample in part.values() for name in of_sample]
            kept = clear(store, names)
            files, shared = files + len(names) - kept, shared + kept
            if trouble is None:
                _settle(store, part)
    except StorageError as error:
        trouble = error
    return Removed(files, shared, trouble)


def _settle(store: Store, gone: Mapping[str, list[str]]) -> None:
    with store.session() as session:
        facts.settle(session, gone)
        session.commit()


def clear(store: Store, files: Sequence[str]) -> int:
    """Delete those of the files that no sample needs; return how many another one needs. Raises StorageError."""
    kept = 0
    for start in range(0, len(files), AT_ONCE):
        part = files[start : start + AT_ONCE]
        with store.session() as session:  # a writer's lock: nobody begins to need one of these meanwhile
            spare = samples.spare_media(session, part)
            media.remove(store.media, spare)
            kept += len(part) - len(spare)
    return kept


def scrub(store: Store) -> bool:
    """Wipe old words from the database's files; False, which is logged, where a reader keeps that from being done."""
    wiped = store.scrub()
    if not wiped:
        logging.getLogger(__name__).warning("%s", text("cli.scrub_later", place=store.place))
    return wiped
