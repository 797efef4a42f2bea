"""What is kept of an answer: with its sender's leave, as far as there is room, and marked where the audit draws it."""

from dataclasses import dataclass, replace
from functools import partial

from annotations import review_queue
from annotations.acquisition.audits import AuditSchedule
from annotations.review_queue.quota import Quota
from annotations.store import Store
from mmdemo.errors import NotKept
from mmdemo.tasks import Task
from mmdemo.values.samples import FlagReason, Inputs, Prediction


@dataclass(frozen=True)
class Keeper:
    """Keeps answers of callers, of each only so much; of this program itself (None) whatever there is room for.

    Threads may share it.
    """

    store: Store
    quota: Quota
    schedule: AuditSchedule

    def audit(self, task: Task, prediction: Prediction) -> float | None:
        """Return with which chance the audit drew a sure answer, None where it did not."""
        return None if prediction.flagged else self.schedule.chance(task, prediction)

    def keep(
        self,
        task: Task,
        inputs: Inputs,
        prediction: Prediction,
        caller: str | None,
        label: str | None = None,
        earlier: str | None = None,
        audit: float | None = None,
    ) -> Prediction:
        """Store what an answer calls for, and return it as it is kept. Raises NotKept and what `offer` raises.

        `audit` is what `audit` said when it was given, `label` what its sender says is right.
        """
        if audit is not None:
            prediction = replace(prediction, flagged=True, reason=FlagReason.AUDIT)
        share = self.schedule.share(task, prediction.model_version) if audit is None else audit
        admit = self.quota.room if caller is None else partial(self.quota.take, caller)
        _, prediction_id = review_queue.offer(
            self.store, task, inputs, prediction, share=share, suggested=label, earlier=earlier, admit=admit
        )
        return replace(prediction, prediction_id=prediction_id)

    def keep_if_room(self, task: Task, inputs: Inputs, prediction: Prediction, caller: str | None) -> Prediction:
        """Do as `keep`; where there is no room, return the answer with a note that says so."""
        try:
            return self.keep(task, inputs, prediction, caller, audit=self.audit(task, prediction))
        except NotKept as error:
            return replace(prediction, notes=(*prediction.notes, f"not_{error.key}"))
