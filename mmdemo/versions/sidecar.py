"""The readable sidecar of a checkpoint, version.json: what a model was made from, for what, and how good it was."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mmdemo import whole_file
from mmdemo.errors import CheckpointError
from mmdemo.settings import ROOT, in_clone
from mmdemo.tasks import Task
from mmdemo.values import samples
from mmdemo.values.history import CompressionRecord
from mmdemo.values.promise import PromiseRecord, SubsetPromise
from mmdemo.values.review import MeasuredOn
from mmdemo.values.samples import to_json
from mmdemo.versions.temperature_scaling import UNSCALED, TemperatureScaling

FILE = "version.json"
ASKED = ("kind", "labels", "modalities", "heads")  # by a task, of a version that answers it
RETRAINED = "python -m annotations retrain"  # how the command of a version begins that learned from corrections
LEAST_AGREEMENT = 0.99  # share of the labels of dev that must be PyTorch's


@dataclass(frozen=True)
class RuntimeRecord:
    """Measured on dev, against the same version in PyTorch; fitted on what PyTorch's own figures were fitted on."""

    version: str  # that was measured: in a copy with other weights or another calibration it says nothing
    samples: int  # of dev
    agreement: float  # share of them that are answered as in PyTorch
    accuracy: tuple[float, float]  # 95 % interval of the difference in accuracy, paired
    ece: tuple[float, float]  # the same of the difference in ECE
    # as the sidecar's own, of answers that this runtime computes
    temperatures: Mapping[str, float] = field(default_factory=dict)
    powers: Mapping[str, float] = field(default_factory=dict)
    promise: PromiseRecord | None = None

    @property
    def serves(self) -> bool:
        """Whether it is not significantly worse than PyTorch."""
        return self.agreement >= LEAST_AGREEMENT and self.accuracy[1] >= 0 and self.ece[0] <= 0

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> RuntimeRecord:
        """Return what `samples.to_json` made of it. Raises KeyError, TypeError, ValueError."""
        promise = PromiseRecord.of(raw["promise"]) if raw.get("promise") else None
        intervals = {name: (float(raw[name][0]), float(raw[name][1])) for name in ("accuracy", "ece")}
        return cls(**{**raw, **intervals, "promise": promise})


@dataclass(frozen=True)
class Sidecar:
    """What stands beside the weights in version.json. Loading refuses one that does not fit its task."""

    version: str
    task: str
    kind: str
    labels: tuple[str, ...]  # in the order of the logits; that of NONE_OF_THESE stands behind them
    modalities: tuple[str, ...]
    created_at: str  # UTC, ISO 8601 with seconds
    none_of_these: bool = False  # whether that may be its answer
    profile: str = ""  # of the task's file, that it was trained with
    heads: Mapping[str, Sequence[str]] = field(default_factory=dict)  # further answer → its labels
    parent: str | None = None  # the version that training started from
    data: str = ""  # SHA-256 of the training snapshot
    samples: int = 0  # rows that were trained on
    memory: str = ""  # SHA-256 of what the parent remembered then, of a version that learned from corrections; "": none
    seed: int = 0
    command: str = ""  # how to train it again
    code_revision: str = ""
    machine: str = ""  # that trained it: on one like it the same training gives the same bits
    # subset of the modalities, such as "image+text" or "image" → what its logits are divided by
    temperatures: Mapping[str, float] = field(default_factory=dict)
    # subset of the modalities → to which power of their length they are multiplied; 0 where none is given
    powers: Mapping[str, float] = field(default_factory=dict)
    # what the thresholds promise, by samples to which nothing was fitted; None of a version that nobody asked for it
    promise: PromiseRecord | None = None
    # modality → distance from training's samples, above which an input is unlike what the model learned from
    familiarity: Mapping[str, float] = field(default_factory=dict)
    # modality without such a distance → the samples that it was trained on, too few to tell what is unlike them
    too_few: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)  # accuracy, macro_f1, … of `measured_on`
    measured_on: str = MeasuredOn.DEV  # one of MeasuredOn
    measured: int = 0  # samples behind the figures; 0 where that was not written down
    dims: Mapping[str, int] = field(default_factory=dict)  # sizes of the model, such as parameters, features
    options: Mapping[str, Any] = field(default_factory=dict)  # hyperparameters
    # engine's name, such as "openvino: text bf16" → what the version is there, where that differs from PyTorch
    runtimes: Mapping[str, RuntimeRecord] = field(default_factory=dict)
    # how it was made of its parent, and how the two compare; None of a version that was trained
    compression: CompressionRecord | None = None

    @property
    def scalings(self) -> dict[str, TemperatureScaling]:
        """What calibrates the answers, by subset of the modalities."""
        return {
            name: TemperatureScaling(value, self.powers.get(name, 0.0)) for name, value in self.temperatures.items()
        }

    def scaling(self, modalities: tuple[str, ...]) -> TemperatureScaling:
        """Return what calibrates answers to samples of these modalities."""
        return self.scalings.get(subset(modalities), UNSCALED)

    def measured_in(self, engine: str) -> RuntimeRecord | None:
        """Return what this very version is where an engine of this name computes; None where nobody measured it."""
        record = self.runtimes.get(engine)
        return record if record and record.version == self.version else None

    def in_runtime(self, engine: str) -> Sidecar:
        """Return the same with what holds where an engine of this name computes; as it is, where nothing else does."""
        record = self.measured_in(engine)
        if record is None:
            return self
        return replace(self, temperatures=record.temperatures, powers=record.powers, promise=record.promise)

    def successor(self, version: str, command: str) -> Sidecar:
        """Return what is known of a version that a command makes of this one, before anything is measured of it.

        What was measured of these very weights does not hold for others: promise, other runtimes, compression.
        """
        return replace(
            self,
            version=version,
            parent=self.version,
            command=command,
            created_at=now(),
            code_revision=code_revision(),
            promise=None,
            runtimes={},
            compression=None,
        )

    def keeping(self, task: Task, modalities: tuple[str, ...]) -> SubsetPromise | None:
        """Return what keeps the task's promise for samples of these modalities; None where its own threshold serves."""
        return self.promise.keeping(task.promise, subset(modalities)) if self.promise else None


def subset(modalities: tuple[str, ...]) -> str:
    """Return the name of a subset of the modalities, given in the order of MODALITIES: `image+text`."""
    return "+".join(modalities)


def subsets(modalities: tuple[str, ...]) -> list[str]:
    """Return the names of all subsets of the modalities but the empty one, small ones first."""
    return [subset(chosen) for chosen in samples.subsets(modalities)]


def read(folder: Path) -> Sidecar:
    """Return what stands in `folder/version.json`; fields of later releases are ignored. Raises CheckpointError."""
    try:
        raw = _with_measured_on(json.loads((folder / FILE).read_text("utf-8")))
        values = {item.name: raw[item.name] for item in fields(Sidecar) if item.name in raw}
        promise = PromiseRecord.of(raw["promise"]) if raw.get("promise") else None
        names = {name: tuple(raw[name]) for name in ("labels", "modalities")}
        runtimes = {name: RuntimeRecord.of(entry) for name, entry in raw.get("runtimes", {}).items()}
        compression = CompressionRecord.of(raw["compression"]) if raw.get("compression") else None
        records = {"promise": promise, "runtimes": runtimes, "compression": compression}
        return Sidecar(**{**values, **names, **records})
    except FileNotFoundError as error:
        raise CheckpointError("checkpoint_missing", path=folder) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise CheckpointError("checkpoint_broken", path=folder / FILE, detail=repr(error)) from error


def _with_measured_on(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a sidecar of a release that did not say what its figures were measured on, with that."""
    retrained = str(raw.get("command", "")).startswith(RETRAINED)
    return {"measured_on": MeasuredOn.HELD_OUT if retrained else MeasuredOn.DEV, **raw}


def write(folder: Path, sidecar: Sidecar) -> None:
    """Write `folder/version.json`. Raises StorageError."""
    whole_file.write(folder / FILE, json.dumps(to_json(sidecar), ensure_ascii=False, indent=1) + "\n")


def check(sidecar: Sidecar, task: Task, folder: Path, names: Sequence[str] = ASKED) -> None:
    """Raise CheckpointError where a version does not answer what the task asks, by the fields in `names`.

    One that does not know NONE_OF_THESE answers a task that has it too: it never gives that answer.
    """
    if sidecar.none_of_these and not task.none_of_these:
        raise CheckpointError("checkpoint_refuses", path=folder, task=task.name)
    wanted = {"kind": task.kind, "labels": task.label_names, "modalities": task.modalities, "heads": task.head_labels}
    has = {**vars(sidecar), "heads": {name: tuple(labels) for name, labels in sidecar.heads.items()}}
    for name in names:
        if has[name] != wanted[name]:
            raise CheckpointError(
                "checkpoint_does_not_fit", path=folder, task=task.name, field=name, found=has[name], wanted=wanted[name]
            )


def now() -> str:
    """Return this second in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def code_revision() -> str:
    """Return the commit of this code, "" where it is not a git checkout."""
    if not in_clone():
        return ""  # a repository around an installed package is somebody else's
    command = ["git", "-C", str(ROOT), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
