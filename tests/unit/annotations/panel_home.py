"""A home whose checks are made by hand: answers to captions that nobody shows a model."""

from dataclasses import replace

from annotations import review_queue
from annotations.store import Store
from mmdemo.answers import LabelAnswer
from mmdemo.tasks import Gate, Task
from mmdemo.values.promise import Promise
from mmdemo.values.samples import FlagReason
from tests.unit.annotations import sentiment

TASK = replace(
    sentiment.TASK, promise=Promise(0.1, 0.95), audit_share=1.0, gate=Gate(held_out_share=1.0), modalities=("text",)
)
RIGHT, WRONG = "positive", "negative"


def send(
    store: Store, number: int, confidence: float = 0.9, said: str | None = RIGHT, version: str = "v1", task: Task = TASK
) -> str:
    """Let a sample of the panel come, and somebody say what it is, if anybody does; return its id."""
    inputs = sentiment.inputs(f"caption {version} {number}")
    answer = replace(sentiment.prediction(inputs, confidence, version, task), modalities=("text",))
    assert isinstance(answer.answer, LabelAnswer)
    if not answer.flagged:
        answer = replace(answer, flagged=True, reason=FlagReason.AUDIT)
    sample_id, _ = review_queue.offer(store, task, inputs, answer, share=1.0)
    if said is not None:
        review_queue.correct(store, {task.name: task}, sample_id, said, "Ann")
    return sample_id
