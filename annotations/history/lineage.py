"""Where a version comes from, and where a sample went: the runs' snapshots, and the parents that sidecars name."""

from collections.abc import Sequence
from dataclasses import dataclass

from annotations.nightly import unlearning
from annotations.store import Session, Store, labels, runs, samples, snapshots
from annotations.store.snapshots import SnapshotEntry
from mmdemo.settings import Settings
from mmdemo.versions import sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar


@dataclass(frozen=True)
class SampleUse:
    """One run that read a sample."""

    version: str | None  # that it made
    started_at: str
    verdict: str | None
    split: str  # train | held_out | golden | suspect | copy
    value: str  # what the sample was said to be then


@dataclass(frozen=True)
class SampleLineage:
    """Which versions learned from a sample."""

    sample_id: str
    task: str
    value: str | None  # what counts today; None: nobody says anything, or it was taken back
    erased: bool  # nothing but its id is left to look at
    files: tuple[str, ...]  # under the media folder
    uses: tuple[SampleUse, ...]  # oldest first
    learned: tuple[str, ...]  # versions whose own training read it
    inherited: tuple[str, ...]  # … that were trained on from one of these
    not_kept: tuple[str, ...]  # … of runs whose snapshot was not kept


@dataclass(frozen=True)
class VersionLineage:
    """What a version was trained on."""

    version: str
    task: str
    created_at: str
    ancestors: tuple[str, ...]  # parent, its parent, …
    data: str  # SHA-256 of what it was trained on
    samples: int  # rows that were trained on
    seed: int
    command: str
    code_revision: str
    verdict: str | None
    snapshot: tuple[SnapshotEntry, ...] | None  # None: it was not kept


def of_sample(store: Store, settings: Settings, sample_id: str) -> SampleLineage:
    """Return which versions learned from a sample, given by its id or the first characters that sentences name it by.

    Raises UnknownName, StorageError.
    """
    with store.reading() as session:
        row = samples.named(session, sample_id)
        uses = [
            SampleUse(run.challenger, labels.iso(run.started_at), run.verdict, entry.split, entry.value)
            for run, entry in snapshots.of_sample(session, row.sample_id)
        ]
        counts = labels.counting(session, row.sample_id)
        not_kept = _not_kept(session, row.task)
    parents = _parents(settings, row.task)
    trained = (use.version for use in uses if use.split == snapshots.TRAIN and use.version)
    learned = tuple(dict.fromkeys(trained))
    lines = {name: unlearning.line_of(parents, name) for name in sorted(parents) if name not in learned}
    inherited = [name for name, line in lines.items() if set(line) & set(learned)]
    value = counts.value if counts else None
    erased = not row.has_content
    files = tuple(file for file in (row.image, row.audio) if file)
    return SampleLineage(
        row.sample_id, row.task, value, erased, files, tuple(uses), learned, tuple(inherited), tuple(not_kept)
    )


def of_version(store: Store, settings: Settings, task: str, version: str) -> VersionLineage:
    """Return what a version was trained on. Raises UnknownName, CheckpointError, StorageError."""
    about: Sidecar = sidecar.read(Versions(settings).path(task, version))
    with store.reading() as session:
        run = runs.of_challenger(session, task, version)
        entries = snapshots.of_run(session, run.id) if run else ()
    return VersionLineage(
        version=version,
        task=task,
        created_at=about.created_at,
        ancestors=tuple(unlearning.line_of({**_parents(settings, task), version: about.parent}, version)),
        data=about.data,
        samples=about.samples,
        seed=about.seed,
        command=about.command,
        code_revision=about.code_revision,
        verdict=run.verdict if run else None,
        snapshot=entries or None,
    )


def _not_kept(session: Session, task: str) -> Sequence[str]:
    """Return the versions of runs that trained and did not keep their snapshot, oldest first."""
    rows = [row for row in runs.of_task(session, task) if row.challenger and row.state == runs.DONE]
    kept = snapshots.kept(session, [row.id for row in rows])
    return [row.challenger for row in reversed(rows) if row.id not in kept and row.challenger]


def _parents(settings: Settings, task: str) -> dict[str, str | None]:
    return {info.version: info.parent for info in Versions(settings).list(task)}
