"""What a method of making a version smaller is given, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from mmdemo.model import Loaded
from mmdemo.speed.turns import Clock
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.training.version_folder import Calibration


@dataclass(frozen=True)
class MethodSettings:
    """What methods may be told. Each reads its own."""

    sparsity: float | None = None  # share of the weights of each matrix that become 0
    layers: Mapping[str, int] = field(default_factory=dict)  # modality or "fusion" → layers that are kept
    into: Task | None = None  # whose encoders and fusion the student has
    training: Mapping[str, Any] = field(default_factory=dict)  # options of methods that train


@dataclass(frozen=True)
class Request:
    """A version, samples, and what the method is told."""

    task: Task
    folder: Path
    loaded: Loaded  # of the folder; nobody else's: a method may change it
    packed: Mapping[str, Tensor]  # its weights as they lie in its file
    rows: Sequence[Row]  # labelled samples
    settings: MethodSettings


@dataclass(frozen=True)
class Compressed:
    """The smaller version."""

    loaded: Loaded
    packed: Mapping[str, Tensor]  # its weights as they shall lie in its file
    settings: Mapping[str, Any] = field(default_factory=dict)  # that made a difference
    rows: Sequence[Row] | None = None  # samples to compare on, where not all of the request's are fair
    calibration: Calibration | None = None  # where the original's does not hold any more
    answers_alike: bool = False  # to any sample, to the last bit: what was measured of the original holds
    # writes what the method alone has into the version's folder, and returns figures of it on samples to compare on
    finish: Callable[[Path, Sequence[Row], Clock], Mapping[str, float]] = lambda folder, rows, clock: {}


Method = Callable[[Request], Compressed]
