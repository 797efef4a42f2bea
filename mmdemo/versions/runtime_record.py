"""What a version is in another runtime than PyTorch: how alike its answers are, and what calibrates them there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmdemo.values.promise import PromiseRecord

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
