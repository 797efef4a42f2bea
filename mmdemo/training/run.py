"""From two manifests to a version folder that can be served: train, calibrate, measure, save."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mmdemo.errors import ManifestError
from mmdemo.model import Loaded
from mmdemo.training import manifests
from mmdemo.training.cross_validation import Folds, cross_validate
from mmdemo.training.data import Data, Decoded, Manifests
from mmdemo.training.fitting import sharding
from mmdemo.training.fitting.processes import leads, number, say
from mmdemo.training.fitting.progress import tensorboard
from mmdemo.training.fitting.resuming import ResumeFolder
from mmdemo.training.jobs import TrainingJob, train_model
from mmdemo.training.manifests import Row, splits
from mmdemo.training.version_folder import Calibration, Draft, fit_calibration, write_version
from mmdemo.versions import sidecar
from mmdemo.versions.sidecar import Sidecar


@dataclass(frozen=True)
class TrainingRecord:
    """What is written down of a training."""

    version: str = ""  # the version's name; that of its folder where ""
    command: str = ""  # that trains it again
    log: Path | None = None  # folder for TensorBoard


def train(
    job: TrainingJob,
    sources: Manifests,
    out: Path | str,
    *,
    folds: int = 0,
    record: TrainingRecord | None = None,
    finish: Callable[[Path, Sequence[Row]], None] | None = None,
) -> Path:
    """Do a job on the samples of manifests and return `out`, a version folder.

    With `folds` it is cross-validated first, which calibrates it too. Dev is only reported on. `finish` is handed the
    folder, which has no model card yet, and the samples to which nothing was fitted: to test the task's promise on, to
    measure the version, and to write the card. Without it the card has the figures of training alone. The same seed
    gives the same weights on the same machine, and so does a run that was killed and is started again.

    Raises ManifestError, CheckpointError, StorageError before training.
    """
    record, task, out = record or TrainingRecord(), job.task, _free(Path(out))
    sharding.check(job.options.at_once)
    callbacks = [tensorboard(record.log)] if record.log and leads() else []
    train_manifest, dev_manifest = sources.read(task)
    loaded = job.fresh(train_manifest.rows)
    samples, dev = (sources.decode(each, task, loaded.processor) for each in (train_manifest, dev_manifest))
    resume = _claimed(ResumeFolder(out), job, samples)
    crossed = None
    if folds:
        crossed = Folds.of(resume.once("folds", lambda: dataclasses.asdict(cross_validate(job, samples, folds))))
    train_rows, spared = splits.calibration_split(samples.rows, job.spared(folds), task.split_by)
    calibration_rows, promise_rows = splits.promise_split(spared, task)
    say(f"{len(train_rows)} samples to learn from, {len(spared)} set aside, {len(dev.rows)} in dev")
    data = Data(samples.of(train_rows), samples.of(calibration_rows), dev.of(dev.rows))
    train_model(job, loaded, data, resume=resume, callbacks=callbacks)
    if leads():
        record = dataclasses.replace(record, version=record.version or out.name)
        about = _sidecar(job, samples, record, len(data.train))
        draft = Draft(out, task, about, job.options.bits, described=finish is None)
        write_version(loaded, data, draft, partial(_crossed, crossed) if crossed else fit_calibration)
        if finish:
            finish(out, promise_rows)  # a stop in between leaves a version that loads, promises nothing and has no card
        resume.clear()
    return out


def _free(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ManifestError("out_taken", path=out)
    return out


def _claimed(resume: ResumeFolder, job: TrainingJob, samples: Decoded) -> ResumeFolder:
    """Say so where a training that was interrupted goes on. Raises ManifestError where it was another one."""
    task, origin = job.task, job.origin
    training = {
        "task": [task.name, task.answers, task.encoders, task.fusion],
        "options": dataclasses.asdict(job.options),
        "from": [origin.starts, origin.parent, origin.teachers],
        "samples": manifests.digest(samples.rows),
        **({"processes": number()} if number() > 1 else {}),
    }
    if leads() and resume.claim(training):
        say(f"going on with {resume.checkpoint()}")
    return resume


def _sidecar(job: TrainingJob, samples: Decoded, record: TrainingRecord, learned: int) -> Sidecar:
    """Return what a version's sidecar says of its job, and of the samples that it was given and learned from."""
    task, parent = job.task, job.origin.parent
    return Sidecar(
        version=record.version,
        task=task.name,
        kind=task.kind,
        profile=task.profile,
        labels=task.label_names,
        none_of_these=task.none_of_these,
        modalities=task.modalities,
        heads=task.head_labels,
        created_at=sidecar.now(),
        parent=sidecar.read(parent).version if parent else None,
        data=manifests.digest(samples.rows),
        samples=learned,
        seed=job.options.seed,
        command=record.command,
        code_revision=sidecar.code_revision(),
        options=dataclasses.asdict(job.options),
    )


def _crossed(folds: Folds, loaded: Loaded, data: Data) -> Calibration:
    """Take what the folds' models said of unseen samples for what this one, which saw all, would say of others."""
    own = fit_calibration(loaded, data)
    return dataclasses.replace(
        own,
        scalings={**own.scalings, **folds.scalings},
        limits={name: folds.limits.get(name, limit) for name, limit in own.limits.items()},
        figures=folds.summary(),
    )
