"""Which sure answers people check at random, and how many: more at first, until enough is known of what is sent here.

How many depends on how many were answered, never on what came out of it, so that raising the share favours no outcome.
Where visitors dispute a version's answers again and again, more of its sure ones are checked, too, until as many are
known of it: disputes alone prove nothing, for nobody drew them.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from annotations.acquisition import strata
from annotations.store import Store, samples
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.values.samples import Prediction
from mmdemo.versions import local_rules

DISPUTES = 5  # of one version's answers, from which on more of them are checked


@dataclass(frozen=True)
class AuditSchedule:
    """Which share of a task's sure answers is checked now. Threads may share it."""

    store: Store
    settings: Settings

    def share(self, task: Task, version: str = "") -> float:
        """Return the share in [0, 1] of the sure answers of a version, "" for any. Raises StorageError."""
        if not task.audits.raises(task.audit_share):
            return task.audit_share
        since = local_rules.read(self.settings, task.name).since  # checks of before an alarm tell nothing any more
        moment = datetime.fromisoformat(since) if since else None
        answered = partial(samples.count_answered, task=task.name, stratum=strata.AUDITED, most=task.audits.until)
        with self.store.reading() as session:
            if answered(session, since=moment) < task.audits.until:
                return task.audits.share
            disputed = samples.count_disputed(session, task.name, version, most=DISPUTES) >= DISPUTES
            raised = disputed and answered(session, version=version) < task.audits.until
        return task.audits.share if raised else task.audit_share

    def chance(self, task: Task, prediction: Prediction) -> float | None:
        """Return with which chance a sure answer is drawn, None where it is not. Raises StorageError."""
        if not strata.is_audited(prediction.sample_id, max(task.audit_share, task.audits.share)):
            return None  # by no share, so nobody need count checks for it
        share = self.share(task, prediction.model_version)
        return share if strata.is_audited(prediction.sample_id, share) else None
