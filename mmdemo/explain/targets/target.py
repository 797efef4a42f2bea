"""What an explanation is of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ExplanationTarget:
    """Why `value`, rather than `against`."""

    value: str
    against: str | None = None  # None: rather than anything else
