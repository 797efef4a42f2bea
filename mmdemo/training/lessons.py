"""What is needed to train one model, and the training of it: the common part of a run, of folds and of a search."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.special import log_softmax
from transformers import TrainerCallback, set_seed

from mmdemo import sidecar
from mmdemo.errors import BadInput, ManifestError
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.tasks import Task
from mmdemo.training import manifests, targets
from mmdemo.training.datasets import Item, decode_each
from mmdemo.training.folder import figures
from mmdemo.training.frozen import FeatureCache
from mmdemo.training.inference import labels, logits
from mmdemo.training.manifests import Line, Row
from mmdemo.training.options import Options
from mmdemo.training.processes import say
from mmdemo.training.resuming import Partial
from mmdemo.training.trainer import Judge, fit


@dataclass(frozen=True)
class Lesson:
    """A task, the weights to start from, and how to train them."""

    task: Task
    options: Options
    starts: Mapping[str, str | Path] = field(default_factory=dict)  # modality → folder or Hub name; over the task's
    parent: Path | None = None  # version folder that is trained further instead
    teachers: Sequence[Path] = ()  # version folders whose answers are learned from
    cache: FeatureCache | None = None  # what frozen encoders made of samples, where the options ask for copies

    @classmethod
    def of(
        cls,
        task: Task,
        options: Options,
        starts: Mapping[str, str | Path],
        parent: Path | None = None,
        teachers: Sequence[Path] = (),
    ) -> Lesson:
        """Return a lesson with a cache for the copies that its options ask for.

        Raises CheckpointError where the parent or a teacher answers another task.
        """
        if parent:
            sidecar.check(sidecar.read(parent), task, parent)
        for teacher in teachers:
            sidecar.check(sidecar.read(teacher), task, teacher, ("kind", "labels", "modalities"))
        return cls(task, options, starts, parent, teachers, FeatureCache(options.copies) if options.copies else None)

    def fresh(self, rows: Sequence[Row] = ()) -> tuple[MultimodalModel, MultimodalProcessor]:
        """Return the model to train, the same one for the same seed, and its processor.

        A tokenizer that is learned is learned from the captions of `rows`. Raises ManifestError, CheckpointError.
        """
        set_seed(self.options.seed)
        if self.parent:
            model, processor = MultimodalModel.load(self.parent)
            model.learn_to_answer(self.task.answers)  # a parent may not know "none of these" yet
            return model, processor
        return MultimodalModel.build(self.task, self.starts, [row.sample.text for row in rows])

    def spared(self, folds: int) -> float:
        """Return the share to set aside: none where folds calibrate and nothing may stop training early."""
        return 0.0 if folds and not self.options.patience else self.options.hold_out

    def alone(self) -> Lesson:
        """Return the same lesson without teachers."""
        return dataclasses.replace(self, teachers=())


@dataclass(frozen=True)
class Decoded:
    """The samples of a manifest that can be used."""

    rows: Sequence[Row]
    items: Mapping[str, Item]  # by id

    def of(self, rows: Sequence[Row]) -> list[Item]:
        """Return the items of some of the rows, in their order."""
        return [self.items[row.id] for row in rows]


def load(manifest: Path | str | None, task: Task, processor: MultimodalProcessor, skip_bad: bool = False) -> Decoded:
    """Return the decoded samples of a manifest; none of none.

    Lines at fault (see manifests.read; pictures and sounds that cannot be read too) are skipped and counted where
    `skip_bad` says so. Raises ManifestError naming them otherwise, or where nothing is left.
    """
    if manifest is None:
        return Decoded([], {})
    rows, faults = manifests.check(manifest, task)
    if faults and not skip_bad:
        raise manifests.refusal(manifest, faults)
    found = list(zip(rows, decode_each(rows, task, processor), strict=True))
    faults = [*faults, *[_fault(row, item) for row, item in found if isinstance(item, BadInput)]]
    if faults and not skip_bad:
        raise manifests.refusal(manifest, faults)
    if faults:
        say(f"skipped: {manifests.refusal(manifest, sorted(faults, key=lambda line: line.number))}")
    items = {row.id: item for row, item in found if isinstance(item, Item)}
    if not items:
        raise ManifestError("manifest_empty", path=manifest)
    return Decoded([row for row in rows if row.id in items], items)


def teach(
    lesson: Lesson,
    model: MultimodalModel,
    processor: MultimodalProcessor,
    taught: Sequence[Item],
    *,
    aside: Sequence[Item] = (),
    dev: Sequence[Item] = (),
    partly: Partial | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> None:
    """Train `model` in place; behind every epoch `aside` and `dev` are measured, and `aside` may end it.

    Raises ManifestError where it shall and nothing is set aside.
    """
    if lesson.options.patience and not aside:
        raise ManifestError("patience_without_aside")
    if lesson.teachers:
        teachers = [MultimodalModel.load(folder) for folder in lesson.teachers]
        taught = targets.distil(taught, teachers, lesson.options.distill, len(lesson.task.answers))
    started = [name for name, entry in lesson.task.encoders.items() if "start" in entry]
    fit(
        model,
        processor,
        taught,
        lesson.options,
        started=started,
        judge=_judge(processor, {"set_aside": aside, "dev": dev}) if aside or dev else None,
        partly=partly,
        callbacks=callbacks,
        cache=lesson.cache,
    )


def _judge(processor: MultimodalProcessor, parts: Mapping[str, Sequence[Item]]) -> Judge:
    def judge(model: MultimodalModel) -> dict[str, float]:
        result: dict[str, float] = {}
        for name, items in parts.items():
            if items:
                found, right = logits(model, processor, items), labels(items)
                loss = -float(log_softmax(found, axis=1)[np.arange(len(right)), right].mean())
                result |= {f"{name}_loss": loss} | {
                    f"{name}_{key}": value for key, value in figures(found, right).items()
                }
        return result

    return judge


def _fault(row: Row, error: BadInput) -> Line:
    return Line(row.line, None, f'"{row.id}" cannot be judged. {error}')
