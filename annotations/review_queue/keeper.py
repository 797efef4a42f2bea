"""What is kept of an answer: with its sender's leave, as far as there is room, and marked where the audit draws it."""

from dataclasses import dataclass, replace
from functools import partial

from annotations import review_queue
from annotations.review_queue.quota import Quota
from annotations.store import Store
from mmdemo import hashed_draw
from mmdemo.errors import NotKept
from mmdemo.tasks import Task
from mmdemo.values.review import Kept
from mmdemo.values.samples import FlagReason, Inputs, Prediction


@dataclass(frozen=True)
class Keeper:
    """Keeps answers of callers, of each only so much; of this program itself (None) whatever there is room for.

    Threads may share it.
    """

    store: Store
    quota: Quota

    def audited(self, task: Task, prediction: Prediction) -> bool:
        """Tell whether the audit draws a sure answer."""
        return not prediction.flagged and audit_draw(prediction.sample_id, task.audit_share)

    def keep(
        self,
        task: Task,
        inputs: Inputs,
        prediction: Prediction,
        caller: str | None,
        label: str | None = None,
        earlier: str | None = None,
    ) -> Prediction:
        """Store what an answer calls for, and return it as it is kept. Raises NotKept and what `offer` raises."""
        if self.audited(task, prediction):
            prediction = replace(prediction, flagged=True, reason=FlagReason.AUDIT)
        kept = self.queue(task, inputs, prediction, caller, label, earlier)
        return replace(prediction, prediction_id=kept.prediction_id)

    def keep_if_room(self, task: Task, inputs: Inputs, prediction: Prediction, caller: str | None) -> Prediction:
        """Do as `keep`; where there is no room, return the answer with a note that says so."""
        try:
            return self.keep(task, inputs, prediction, caller)
        except NotKept as error:
            return replace(prediction, notes=(*prediction.notes, f"not_{error.key}"))

    def queue(
        self,
        task: Task,
        inputs: Inputs,
        prediction: Prediction,
        caller: str | None,
        label: str | None,
        earlier: str | None,
    ) -> Kept:
        """Store an answer, with the `label` that its sender says is right. Raises NotKept and what `offer` raises."""
        admit = self.quota.room if caller is None else partial(self.quota.take, caller)
        offered = review_queue.offer(
            self.store, task, inputs, prediction, suggested=label, earlier=earlier, admit=admit
        )
        return Kept(*offered)


def audit_draw(sample_id: str, share: float) -> bool:
    """Say whether a confident answer is checked all the same: about `share` in [0, 1] of all inputs.

    Only the input decides, as if at random: asking again never changes it, and no visitor can foresee it without
    computing this hash. Independent of the choice of held-out corrections, which hashes under another name.
    """
    return hashed_draw.draw("audit", sample_id) < share
