"""Labelled rows → a frozen snapshot with a hash, and its fixed split; pure. No SQL and no training here.

A share of the corrections, chosen by content, is never trained on: on it the night compares champion and challenger.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from mmdemo.training.manifests import Row

_HASH_BYTES = 8  # of SHA-256, read as a number in [0, 1)


@dataclass(frozen=True)
class Snapshot:
    """The corrections of a task as they stood at one moment."""

    task: str
    rows: tuple[Row, ...]  # one a sample, by id: `Row.id` is the sample_id, `Row.label` the latest correction's
    digest: str  # SHA-256 over ids and labels: the same corrections give the same one


@dataclass(frozen=True)
class Split:
    """A snapshot in its two parts, which share no sample."""

    train: tuple[Row, ...]
    held_out: tuple[Row, ...]  # never trained on, in no night


def is_held_out(sample_id: str, share: float) -> bool:
    """Say whether a sample is set aside for the gate: the same answer on every machine and in every night.

    `share` in [0, 1]. Only the sample's content decides, so that sending it again, correcting it again or importing it
    elsewhere never moves it into training. A larger share only adds samples to those set aside.
    """
    # Hashed once more under a name of its own: whatever else picks samples by sample_id stays independent of this.
    digest = hashlib.sha256(f"held-out:{sample_id}".encode()).digest()
    return int.from_bytes(digest[:_HASH_BYTES]) / 256**_HASH_BYTES < share


def freeze(task: str, rows: Iterable[Row]) -> Snapshot:
    """Return the snapshot of rows in the order in which they were corrected: a sample's last one counts."""
    latest = {row.id: row for row in rows}
    ordered = tuple(latest[sample_id] for sample_id in sorted(latest))
    listing = "".join(f"{row.id}\t{row.label}\n" for row in ordered)
    return Snapshot(task, ordered, hashlib.sha256(listing.encode()).hexdigest())


def split(snapshot: Snapshot, share: float) -> Split:
    """Part a snapshot by content: training, and held out for the gate."""
    held_out = {row.id for row in snapshot.rows if is_held_out(row.id, share)}
    return Split(
        train=tuple(row for row in snapshot.rows if row.id not in held_out),
        held_out=tuple(row for row in snapshot.rows if row.id in held_out),
    )
