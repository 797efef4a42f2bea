"""What is needed to train one model, and the training of it: the common part of a run, of folds and of a search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from transformers import TrainerCallback, set_seed

from mmdemo.errors import ManifestError
from mmdemo.model import Loaded, MultimodalModel, MultimodalProcessor
from mmdemo.tasks import Task
from mmdemo.training.data import Data
from mmdemo.training.data.feature_cache import FeatureCache
from mmdemo.training.fitting.inference import logits, targets_of
from mmdemo.training.fitting.resuming import ResumeFolder
from mmdemo.training.fitting.trainer import Judge, Plan, fit
from mmdemo.training.manifests import Row
from mmdemo.training.objectives import OBJECTIVES, targets
from mmdemo.training.options import Options
from mmdemo.versions import sidecar


@dataclass(frozen=True)
class Origin:
    """What a model begins with, and whose answers it learns beside the labels."""

    starts: Mapping[str, str | Path] = field(default_factory=dict)  # modality → folder or Hub name; over the task's
    parent: Path | None = None  # version folder that is trained further instead
    teachers: Sequence[Path] = ()  # version folders whose answers are learned from


@dataclass(frozen=True)
class TrainingJob:
    """A task, the weights to start from, and how to train them."""

    task: Task
    options: Options
    origin: Origin = Origin()
    cache: FeatureCache | None = None  # what frozen encoders made of samples, where the options ask for copies

    @classmethod
    def of(cls, task: Task, options: Options, origin: Origin | None = None) -> TrainingJob:
        """Return a job with a cache for the copies that its options ask for.

        Raises CheckpointError where the parent or a teacher answers another task.
        """
        origin = origin or Origin()
        if origin.parent:
            sidecar.check(sidecar.read(origin.parent), task, origin.parent)
        for teacher in origin.teachers:
            sidecar.check(sidecar.read(teacher), task, teacher, ("kind", "labels", "modalities"))
        return cls(task, options, origin, FeatureCache(options.copies) if options.copies else None)

    def fresh(self, rows: Sequence[Row] = ()) -> Loaded:
        """Return the model to train, the same one for the same seed, and its processor.

        A tokenizer that is learned is learned from the captions of `rows`. Raises ManifestError, CheckpointError.
        """
        set_seed(self.options.seed)
        if self.origin.parent:
            loaded = MultimodalModel.load(self.origin.parent)
            loaded.model.learn_to_answer(self.task.answers)  # a parent may not know "none of these" yet
            return loaded
        return MultimodalModel.build(self.task, self.origin.starts, [row.sample.text for row in rows])

    def spared(self, folds: int) -> float:
        """Return the share to set aside: none where folds calibrate and nothing may stop training early."""
        return 0.0 if folds and not self.options.patience else self.options.hold_out

    def alone(self) -> TrainingJob:
        """Return the same job without teachers."""
        return dataclasses.replace(self, origin=dataclasses.replace(self.origin, teachers=()))


def train_model(
    job: TrainingJob,
    loaded: Loaded,
    data: Data,
    *,
    resume: ResumeFolder | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Train a model in place on `data.train`; the other samples are measured behind every epoch.

    Those to calibrate on may end it. Raises ManifestError where they shall and there are none.
    """
    if job.options.patience and not data.calibration:
        raise ManifestError("patience_without_aside")
    items = data.train
    if job.origin.teachers:
        teachers = [MultimodalModel.load(folder) for folder in job.origin.teachers]
        items = targets.distil(items, teachers, job.options.distill, len(job.task.answers))
    started = [name for name, entry in job.task.encoders.items() if "start" in entry]
    fit(
        loaded,
        items,
        Plan(job.options, started, job.cache),
        judge=_judge(job.task, loaded.processor, data) if data.calibration or data.dev else None,
        resume=resume,
        callbacks=callbacks,
    )


def _judge(task: Task, processor: MultimodalProcessor, data: Data) -> Judge:
    objective = OBJECTIVES[task.kind]

    def judge(model: MultimodalModel) -> dict[str, float]:
        result: dict[str, float] = {}
        for name, items in {"set_aside": data.calibration, "dev": data.dev}.items():
            if items:
                outputs, right = logits(Loaded(model, processor), items), targets_of(items)
                measured = {"loss": objective.loss(outputs, right), **objective.figures(task, outputs, right)}
                result |= {f"{name}_{key}": value for key, value in measured.items()}
        return result

    return judge
