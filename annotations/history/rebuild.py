"""A version that a night made, made again from what is stored, and compared with the one that is there, bit by bit.

A version is a function of its base, the snapshot that its run kept, options and seed; on another machine, or with other
code, its bits may differ, and that is said. What was erased or withdrawn since is not learned again: of such a version
there is nothing to compare.
"""

import dataclasses
import filecmp
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotations.nightly import challenge, unlearning
from annotations.review_queue.stored_samples import Stored
from annotations.store import Store, runs, samples, snapshots
from mmdemo.errors import BadInput
from mmdemo.model import packing
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.continual import Recipe, memory, recipe_of
from mmdemo.training.manifests import Row
from mmdemo.training.version_folder import machine
from mmdemo.values.review import Reason
from mmdemo.values.samples import to_json
from mmdemo.versions import card, curves, sidecar
from mmdemo.versions.registry import Versions
from mmdemo.versions.sidecar import Sidecar

_SAME_ELSEWHERE = ("created_at", "code_revision", "machine")  # of a sidecar: who made it and when, not what
_MEASURED = ("figures", "measured")


@dataclass(frozen=True)
class Rebuilt:
    """What came of making a version again."""

    task: str
    version: str
    identical: bool | None  # None: nobody asked
    differences: tuple[str, ...]  # files, and fields of version.json as version.json:NAME
    taken_back: int  # samples that it learned and that nobody says anything of any more: then it is not made again
    notes: tuple[Reason, ...]


@dataclass(frozen=True)
class _Stored:
    """What a version was made from, as far as it is there."""

    about: Sidecar
    train: tuple[Row, ...]
    held_out: tuple[Row, ...]
    taken_back: int  # of what was trained on
    not_measured: int  # of what was held out, samples without content


def rebuild(
    store: Store,
    settings: Settings,
    task: Task,
    version: str,
    out: Path | None,
    check: bool,
    say: Callable[[str], None],
) -> Rebuilt:
    """Make a version again in `out`/VERSION, and compare it with the one that is there where `check` is set.

    Raises UnknownName, BadInput (no night made it, its snapshot was not kept, `out` is taken), CheckpointError,
    StorageError.
    """
    versions = Versions(settings)
    stored = _read(store, versions, task, version)
    if stored.taken_back:
        why = Reason("cli.rebuild_taken_back", {"version": version, "count": stored.taken_back})
        return Rebuilt(task.name, version, False if check else None, (), stored.taken_back, (why,))
    if out is not None:
        return _compared(versions, task, stored, out / version, check, say)
    with tempfile.TemporaryDirectory(dir=settings.home, prefix=".rebuild-") as folder:
        return _compared(versions, task, stored, Path(folder) / version, check, say)


def _read(store: Store, versions: Versions, task: Task, version: str) -> _Stored:
    about = sidecar.read(versions.path(task.name, version))
    with store.reading() as session:
        run = runs.of_challenger(session, task.name, version)
        entries = snapshots.of_run(session, run.id) if run else ()
        if not entries or about.parent is None:
            raise BadInput("rebuild_not_kept", version=version, task=task.name)
        learned = frozenset(entry.sample_id for entry in entries if entry.split == snapshots.TRAIN)
        taken_back = unlearning.taken_back(session, task.name, learned)
        present = samples.with_content(session, [entry.sample_id for entry in entries])
        rows = {
            entry.sample_id: Row(entry.sample_id, Stored.of(present[entry.sample_id]).sample(store.media), entry.value)
            for entry in entries
            if entry.sample_id in present
        }
    sides = {
        side: [rows.get(entry.sample_id) for entry in entries if entry.split == side]
        for side in (snapshots.TRAIN, snapshots.HELD_OUT)
    }
    train, held_out = (tuple(row for row in side if row) for side in sides.values())
    return _Stored(about, train, held_out, len(taken_back), sides[snapshots.HELD_OUT].count(None))


def _compared(
    versions: Versions,
    task: Task,
    stored: _Stored,
    out: Path,
    check: bool,
    say: Callable[[str], None],
) -> Rebuilt:
    about = stored.about
    if out.exists():
        raise BadInput("rebuild_taken", folder=out)
    base = versions.path(task.name, about.parent or "")
    notes = tuple(_notes(stored, task, base))
    say(f"{task.name}: {about.version} is made again from {about.parent} and {len(stored.train)} corrections")
    challenge.teach(task, base, stored.train, stored.held_out, out, about.seed, _recipe(task, about))
    sidecar.write(out, dataclasses.replace(sidecar.read(out), created_at=about.created_at))
    card.write(out, task)
    if not check:
        return Rebuilt(task.name, about.version, None, (), 0, notes)
    unmeasured = _MEASURED if stored.not_measured else ()
    different = tuple(_differences(versions.path(task.name, about.version), out, unmeasured))
    return Rebuilt(task.name, about.version, not different, different, 0, notes)


def _differences(first: Path, second: Path, unmeasured: Sequence[str]) -> Iterator[str]:
    """Yield the files of two versions that differ in any byte; what stands in their sidecars is compared by fields."""
    names = {path.name for folder in (first, second) for path in folder.iterdir() if path.is_file()}
    if not packing.same(first, second):  # they may lie in other files there
        yield packing.FILE
    # The card says in words what the sidecar holds, and curves are measured later.
    for name in sorted(names - {*packing.FILES, sidecar.FILE, card.FILE, curves.FILE}):
        one, other = first / name, second / name
        if not (one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)):
            yield name
    fields = [to_json(sidecar.read(folder)) for folder in (first, second)]
    for name in fields[0]:
        if name not in (*_SAME_ELSEWHERE, *unmeasured) and fields[0][name] != fields[1][name]:
            yield f"{sidecar.FILE}:{name}"


def _notes(stored: _Stored, task: Task, base: Path) -> Iterator[Reason]:
    """Yield why the same bits may not come out, and what is not compared."""
    about = stored.about
    code, here = sidecar.code_revision(), machine()
    if about.code_revision != code:
        values = {"then": about.code_revision or "–", "now": code or "–"}
        yield Reason("cli.rebuild_code", values)
    if about.machine != here:
        yield Reason("cli.rebuild_machine", {"then": about.machine or "–", "now": here})
    today = recipe_of(task.in_profile(about.profile)).as_options()
    changed = [name for name in {**today, **about.options} if today.get(name) != about.options.get(name)]
    if changed:
        yield Reason("cli.rebuild_options", {"names": ", ".join(sorted(changed))})
    if memory.digest(base) != about.memory:
        yield Reason("cli.rebuild_memory", {"base": about.parent or ""})
    if stored.not_measured:
        yield Reason("cli.rebuild_not_measured", {"count": stored.not_measured})


def _recipe(task: Task, about: Sidecar) -> Recipe:
    """Return the recipe by which a version was made; options that this release does not know are left out."""
    today = recipe_of(task.in_profile(about.profile))
    augmentation = dataclasses.replace(today.augmentation, **_known(today.augmentation, about.options))
    return dataclasses.replace(today, **_known(today, about.options) | {"augmentation": augmentation})


def _known(default: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the options that a dataclass has, as it has them: JSON knows neither tuples nor enumerations."""
    names = [item.name for item in dataclasses.fields(default) if item.name in options]
    values = {name: (getattr(default, name), options[name]) for name in names}
    return {name: value if value is None else type(before)(value) for name, (before, value) in values.items()}
