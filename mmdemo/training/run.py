"""From two manifests to a version folder that can be served: train, calibrate, measure, save."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from mmdemo import sidecar, tasks
from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.sidecar import Sidecar
from mmdemo.tasks import Task
from mmdemo.training import manifests, splits
from mmdemo.training.datasets import Item
from mmdemo.training.folder import Checked, check, finish
from mmdemo.training.folds import Folds, cross_validate
from mmdemo.training.lessons import Decoded, Lesson, load, teach
from mmdemo.training.options import options
from mmdemo.training.processes import leads, say
from mmdemo.training.progress import tensorboard
from mmdemo.training.resuming import Partial


def train(
    task: Task | str,
    train_manifest: Path | str,
    dev_manifest: Path | str | None,
    out: Path | str,
    *,
    starts: Mapping[str, str | Path] | None = None,
    parent: Path | None = None,
    teachers: Sequence[Path] = (),
    folds: int = 0,
    skip_bad: bool = False,
    seed: int = 0,
    version: str | None = None,
    command: str = "",
    log: Path | None = None,
    **overrides: Any,
) -> Path:
    """Train a model of `task` and return `out`, a version folder named `version` (default: the folder's name).

    `starts` (modality → folder or Hub name) override the task's; `parent`, a version folder, is trained further
    instead; `teachers` are version folders whose answers are learned from. With `folds` it is cross-validated first,
    which calibrates it too. Lines at fault are skipped where `skip_bad` says so. `overrides` are fields of Options. Dev
    is only reported on. The same seed gives the same weights on the same machine, and so does a run that was killed
    and is started again. `log` is a folder for TensorBoard. Raises ManifestError, CheckpointError, UnknownName,
    StorageError before training.
    """
    task = tasks.get(task) if isinstance(task, str) else task
    lesson = Lesson.of(task, options(task, seed=seed, **overrides), starts or {}, parent, teachers)
    out = _free(Path(out))
    callbacks = [tensorboard(log)] if log and leads() else []
    for manifest in () if skip_bad else (train_manifest, *([dev_manifest] if dev_manifest else [])):
        manifests.read(manifest, task)  # what can be seen without decoding is said before anything is loaded
    model, processor = lesson.fresh(manifests.check(train_manifest, task)[0])
    data, dev = (load(manifest, task, processor, skip_bad) for manifest in (train_manifest, dev_manifest))
    partly = _claimed(Partial(out), lesson, data)
    found = _folds(lesson, data, folds, partly) if folds else None
    sides = splits.hold_out(data.rows, lesson.spared(folds), task.split_by)
    say(f"{len(sides[0])} samples to learn from, {len(sides[1])} set aside, {len(dev.rows)} in dev")
    taught, aside, held = data.of(sides[0]), data.of(sides[1]), dev.of(dev.rows)
    teach(lesson, model, processor, taught, aside=aside, dev=held, partly=partly, callbacks=callbacks)
    if leads():
        about = _about(lesson, data, version or out.name, len(taught), command)
        checking = partial(_crossed, found) if found else None
        finish(
            model,
            processor,
            about,
            out,
            task=task,
            taught=taught,
            aside=aside,
            dev=held,
            checking=checking,
            bits=lesson.options.bits,
        )
        partly.clear()
    return out


def _free(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ManifestError("out_taken", path=out)
    return out


def _folds(lesson: Lesson, data: Decoded, folds: int, partly: Partial) -> Folds:
    return Folds.of(partly.once("folds", lambda: dataclasses.asdict(cross_validate(lesson, data, folds))))


def _claimed(partly: Partial, lesson: Lesson, data: Decoded) -> Partial:
    """Say so where a training that was interrupted goes on. Raises ManifestError where it was another one."""
    task = lesson.task
    training = {
        "task": [task.name, task.answers, task.encoders, task.fusion],
        "options": dataclasses.asdict(lesson.options),
        "from": [lesson.starts, lesson.parent, lesson.teachers],
        "samples": manifests.digest(data.rows),
    }
    if leads() and partly.claim(training):
        say(f"going on with {partly.checkpoint()}")
    return partly


def _about(lesson: Lesson, data: Decoded, version: str, taught: int, command: str) -> Sidecar:
    task = lesson.task
    return Sidecar(
        version=version,
        task=task.name,
        kind=task.kind,
        profile=task.profile,
        labels=task.label_names,
        none_of_these=task.none_of_these,
        modalities=task.modalities,
        heads=task.head_labels,
        created_at=sidecar.now(),
        parent=sidecar.read(lesson.parent).version if lesson.parent else None,
        data=manifests.digest(data.rows),
        samples=taught,
        seed=lesson.options.seed,
        command=command,
        code_revision=sidecar.code_revision(),
        options=dataclasses.asdict(lesson.options),
    )


def _crossed(
    found: Folds,
    model: MultimodalModel,
    processor: MultimodalProcessor,
    taught: Sequence[Item],
    aside: Sequence[Item],
) -> Checked:
    """Take what the folds' models said of unseen samples for what this one, which saw all, would say of others."""
    own = check(model, processor, taught, aside)
    return dataclasses.replace(
        own,
        scalings={**own.scalings, **found.scalings},
        limits={name: found.limits.get(name, limit) for name, limit in own.limits.items()},
        figures=found.summary(),
    )
