"""Labelled rows → a frozen snapshot with a hash, and its fixed split. No SQL and no training here.

A share of the corrections, chosen by content, is never trained on: on it the night compares champion and challenger.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from annotations.acquisition.strata import Drawn, is_set_aside
from annotations.review_queue import stored_samples
from annotations.review_queue.stored_samples import LeftOut, Stored
from annotations.store import snapshots
from annotations.store.labels import LabelledContent
from annotations.store.snapshots import SnapshotEntry
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row

CONFIRMED = "\tconfirmed"  # behind such a label, in what the digest is of


@dataclass(frozen=True)
class Snapshot:
    """The corrections of a task as they stood at one moment."""

    task: str
    rows: tuple[Row, ...]  # one a sample, by id: `Row.id` is the sample_id, `Row.label` the latest correction's
    digest: str  # SHA-256 over ids, labels and what is confirmed: the same corrections give the same one
    last_correction: int  # id of the newest correction in it, 0 for none
    left_out: tuple[LeftOut, ...] = ()  # what should be in it, by id
    drawn: Mapping[str, Drawn] = field(default_factory=dict)  # id → what decides its side of the split
    golden: frozenset[str] = frozenset()  # ids of those that people pinned
    confirmed: frozenset[str] = frozenset()  # ids that were answered at least twice
    annotators: Mapping[str, str] = field(default_factory=dict)  # id → whose correction it is


@dataclass(frozen=True)
class Split:
    """A snapshot in its parts: what trains is in none of the others."""

    train: tuple[Row, ...]
    held_out: tuple[Row, ...]  # drawn; never trained on, in no night
    golden: tuple[Row, ...] = ()  # pinned by people, some of them held out too; never trained on from then on
    suspects: tuple[Row, ...] = ()  # not trained on in this night, most suspicious first: see `curation`
    copies: tuple[Row, ...] = ()  # … since they are near copies of others


def freeze(task: Task, labelled: Iterable[LabelledContent], root: Path) -> Snapshot:
    """Return the snapshot of corrections given oldest first: a sample's last one counts. `root`: the media folder.

    Left out is what can't be learned from: content that was taken back, a value that the task no longer takes; and,
    named in `left_out`, what can't be read: a stored file that is missing or damaged, more than the task takes today.
    """
    latest = {item.correction.sample_id: item for item in labelled}
    items = [item for item in latest.values() if _has_content(item) and task.takes(item.correction.label)]
    faults = {item.correction.sample_id: fault for item in items if (fault := _fault(item, task, root))}
    usable = [item for item in items if item.correction.sample_id not in faults]
    rows = tuple(sorted((_row(item, root) for item in usable), key=lambda row: row.id))
    confirmed = frozenset(item.correction.sample_id for item in usable if item.answers > 1)
    drawn = {item.correction.sample_id: item for item in usable}
    newest = max((item.correction_id for item in usable), default=0)
    golden = frozenset(item.correction.sample_id for item in usable if item.is_golden)
    left_out = tuple(faults[name] for name in sorted(faults))
    annotators = {item.correction.sample_id: item.correction.annotator for item in usable}
    return Snapshot(task.name, rows, _digest(rows, confirmed), newest, left_out, drawn, golden, confirmed, annotators)


def only(snapshot: Snapshot, ids: Collection[str], last_correction: int) -> Snapshot:
    """Return what a snapshot holds of these samples; corrections after `last_correction` are still new to the next."""
    rows = tuple(row for row in snapshot.rows if row.id in ids)
    return replace(
        snapshot,
        rows=rows,
        digest=_digest(rows, snapshot.confirmed),
        last_correction=last_correction,
        drawn={row.id: snapshot.drawn[row.id] for row in rows},
        golden=snapshot.golden & {row.id for row in rows},
        confirmed=snapshot.confirmed & {row.id for row in rows},
    )


def split(snapshot: Snapshot, share: float) -> Split:
    """Part a snapshot: training, held out by the draws of its samples, and golden.

    Random checks and golden samples never train. The latter are held out only where they were drawn: those that people
    chose say nothing about the others.
    """
    held_out = {row.id for row in snapshot.rows if is_set_aside(snapshot.drawn[row.id], share)}
    return Split(
        train=tuple(row for row in snapshot.rows if row.id not in held_out | snapshot.golden),
        held_out=tuple(row for row in snapshot.rows if row.id in held_out),
        golden=tuple(row for row in snapshot.rows if row.id in snapshot.golden),
    )


Answers = Mapping[str, tuple[str, float]]  # sample id → a version's answer, and how sure it was of it
_NONE = (None, None)


def entries(parts: Split, champion: Answers, challenger: Answers) -> tuple[SnapshotEntry, ...]:
    """Return what a run keeps of its snapshot."""
    unjudged = {snapshots.TRAIN: parts.train, snapshots.SUSPECT: parts.suspects, snapshots.COPY: parts.copies}
    others = (SnapshotEntry(row.id, row.label, side) for side, rows in unjudged.items() for row in rows)
    drawn = {row.id for row in parts.held_out}
    pinned = [(row, snapshots.GOLDEN) for row in parts.golden if row.id not in drawn]
    asked = (
        _asked(row, side, *(version.get(row.id, _NONE) for version in (champion, challenger)))
        for row, side in [*((row, snapshots.HELD_OUT) for row in parts.held_out), *pinned]
    )
    return (*others, *asked)


def _asked(
    row: Row, side: str, before: tuple[str | None, float | None], after: tuple[str | None, float | None]
) -> SnapshotEntry:
    return SnapshotEntry(row.id, row.label, side, before[0], after[0], before[1], after[1])


def _digest(rows: Iterable[Row], confirmed: Collection[str]) -> str:
    listing = "".join(f"{row.id}\t{row.label}{CONFIRMED * (row.id in confirmed)}\n" for row in rows)
    return hashlib.sha256(listing.encode()).hexdigest()


def _has_content(item: LabelledContent) -> bool:
    return bool(item.text or item.image or item.audio)


def _fault(item: LabelledContent, task: Task, root: Path) -> LeftOut | None:
    outcome = stored_samples.read(_stored(item), task, root)
    return outcome if isinstance(outcome, LeftOut) else None


def _stored(item: LabelledContent) -> Stored:
    return Stored(item.correction.sample_id, item.text, item.image, item.audio)


def _row(item: LabelledContent, root: Path) -> Row:
    correction = item.correction
    return Row(correction.sample_id, _stored(item).sample(root), correction.label, group=correction.source)
