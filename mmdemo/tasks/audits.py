"""How many of the sure answers people check at random, as a task's file says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Audits:
    """How long more of the sure answers are checked at random than the task's `audit_share`: until enough is known."""

    share: float = 0.2  # of the sure answers, where `audit_share` is not higher anyway
    until: int = 200  # random checks that people answered; 0: nothing is raised

    @classmethod
    def of(cls, raw: Any) -> Audits:
        """Return what a task's file says. Raises ValueError with a sentence."""
        if not isinstance(raw, Mapping) or not set(raw) <= {"share", "until"}:
            raise ValueError(f"audits {raw!r} is not of the form {{ share = 0.2, until = 200 }}")
        audits = cls(**raw)
        check_share("audits: share", audits.share)
        if isinstance(audits.until, bool) or not isinstance(audits.until, int) or audits.until < 0:
            raise ValueError(f"audits: until {audits.until!r} is not a number of random checks")
        return audits

    def raises(self, audit_share: float) -> bool:
        """Whether a share is raised at first: one of 0 is not, nor one that is as high already."""
        return self.until > 0 and 0 < audit_share < self.share


def check_share(name: str, value: Any) -> None:
    """Raise ValueError with a sentence where a value is no share."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} {value!r} is not a share from 0 to 1")
