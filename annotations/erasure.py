"""A sample is erased, wherever it lies: here, in Label Studio, in what versions are served; and what was done is said.

What stays is its id, with what became of it. What the weights of a version learned goes with that version: a retraining
run replaces it by one that never saw the sample (annotations/nightly/unlearning.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from annotations.history import lineage
from annotations.review_queue import retention
from annotations.review_queue.retention import Erased
from annotations.store import Store, labels, remote_links, runs, snapshots
from mmdemo.errors import Busy, LabelStudioError, UnknownName
from mmdemo.settings import Settings
from mmdemo.values.review import CorrectionSource, Reason
from mmdemo.versions.registry import Versions

LABEL_STUDIO = CorrectionSource.LABEL_STUDIO


@dataclass(frozen=True)
class Certificate:
    """What was done to erase a sample, and what is left to do and by whom."""

    sample_id: str
    task: str
    erased_at: str  # UTC, ISO 8601 with seconds
    removed: dict[str, int]  # what → how much of it, by this call
    learned: tuple[str, ...]  # versions that learned it: marked, and refused by `rollback`
    inherited: tuple[str, ...]  # … that somebody trained further from one of these: marked and refused like them
    unknown: tuple[str, ...]  # … that are there and of which nobody kept what they learned
    judged: tuple[str, ...]  # versions that were judged on it: they learned nothing from it
    done: tuple[Reason, ...]
    left: tuple[Reason, ...]  # what is still here: each says who removes it, and the same command then finds it gone
    beyond: tuple[Reason, ...]  # what it cannot reach: copies that somebody made

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it is known to be left here."""
        return not self.left


def erase(store: Store, settings: Settings, sample_id: str, sync: Callable[[str], None]) -> Certificate:
    """Erase a sample and say what was done; of one that was erased before, do what was left then.

    `sync` goes a round with Label Studio for a task, by its name. Raises UnknownName, StorageError.
    """
    erased = retention.erase(store, sample_id)
    row = erased.row
    history = lineage.of_sample(store, settings, row.sample_id)
    there, trouble = _taken_back_there(store, settings, row.sample_id, row.task, sync)
    left = [Reason("cli.erase_files_wait", {"detail": erased.trouble.sentence()})] if erased.trouble else []
    left += [] if erased.wiped else [Reason("cli.scrub_later", {"place": store.place})]
    learned = (*history.learned, *history.inherited)
    present = {info.version for info in Versions(settings).list(row.task)}
    unknown = tuple(name for name in history.not_kept if name in present)
    asked = (use.version for use in history.uses if use.split in (snapshots.HELD_OUT, snapshots.GOLDEN))
    judged = tuple(dict.fromkeys(name for name in asked if name and name not in learned))
    return Certificate(
        sample_id=row.sample_id,
        task=row.task,
        erased_at=labels.iso(row.forgotten_at or row.updated_at),
        removed=_removed(erased) | {"label_studio_tasks": there},
        learned=history.learned,
        inherited=history.inherited,
        unknown=unknown,
        judged=judged,
        done=tuple(_done(store, settings, row.task, learned, erased.shared)),
        left=(*left, *trouble),
        beyond=tuple(_beyond(settings, bool(there), unknown)),
    )


def _removed(erased: Erased) -> dict[str, int]:
    return {
        "inputs": len(erased.inputs),
        "files": erased.files,
        "answers": int(erased.answered),
        "queue_entries": int(erased.waited),
        "consents": erased.consents,
        "corrections": erased.corrections,
        "snapshot_rows": erased.in_runs,
    }


def _done(store: Store, settings: Settings, task: str, versions: Sequence[str], shared: int) -> list[Reason]:
    done = [Reason("cli.erase_features")]
    if shared:
        done.append(Reason("cli.erase_shared", {"count": shared}))
    if versions:
        done.append(Reason("cli.erase_learned", {"versions": ", ".join(versions)}))
    if Versions(settings).pointed(task) in versions:
        done.append(Reason("cli.erase_serves", {"task": task}))
    with store.reading() as session:
        if runs.unfinished(session, task):
            done.append(Reason("cli.erase_run_at_work", {"task": task}))
    return done


def _beyond(settings: Settings, was_there: bool, unknown: Sequence[str]) -> list[Reason]:
    beyond = [Reason("cli.erase_unknown", {"versions": ", ".join(unknown)})] if unknown else []
    beyond += [Reason("cli.erase_backups"), Reason("cli.erase_copies")]
    if settings.database_url:
        beyond.append(Reason("cli.erase_server_logs"))
    if was_there and settings.label_studio_media is None:
        beyond.append(Reason("cli.erase_label_studio_disk"))
    return beyond


def _taken_back_there(
    store: Store, settings: Settings, sample_id: str, task: str, sync: Callable[[str], None]
) -> tuple[int, list[Reason]]:
    """Take a sample back from Label Studio; return how many tasks went there, and what keeps one from going."""
    before = _living(store, sample_id)
    if not before:
        return 0, []
    if not (settings.label_studio_url and settings.label_studio_api_key):
        return 0, [Reason("cli.erase_label_studio_not_set")]
    try:
        sync(task)
    except (LabelStudioError, Busy, UnknownName) as error:
        return 0, [Reason("cli.erase_label_studio_waits", {"detail": error.sentence()})]
    after = _living(store, sample_id)
    return before - after, [Reason("cli.erase_label_studio_elsewhere", {"count": after})] if after else []


def _living(store: Store, sample_id: str) -> int:
    with store.reading() as session:
        return sum(link.removed_at is None for link in remote_links.of_sample(session, LABEL_STUDIO, sample_id))
