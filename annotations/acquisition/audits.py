"""Which sure answers people check at random, and how many: more at first, until enough is known of what is sent here.

How many depends on how many were answered, never on what came out of it, so that raising the share favours no outcome.
"""

from dataclasses import dataclass

from annotations.acquisition import strata
from annotations.store import Store, samples
from mmdemo.tasks import Task


@dataclass(frozen=True)
class AuditSchedule:
    """Which share of a task's sure answers is checked now. Threads may share it."""

    store: Store

    def share(self, task: Task) -> float:
        """Return the share in [0, 1]. Raises StorageError."""
        if not task.audits.raises(task.audit_share):
            return task.audit_share
        with self.store.reading() as session:
            answered = samples.count_answered(session, task.name, strata.AUDITED, most=task.audits.until)
        return task.audit_share if answered >= task.audits.until else task.audits.share

    def chance(self, task: Task, sample_id: str) -> float | None:
        """Return with which chance a sure answer is drawn, None where it is not. Raises StorageError."""
        share = self.share(task)
        return share if strata.is_audited(sample_id, share) else None
