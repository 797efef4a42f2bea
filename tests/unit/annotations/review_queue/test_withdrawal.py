"""Answers that are taken back together are asked about again, as far as they are this annotator's in this browser."""

from annotations import review_queue
from annotations.review_queue import withdrawal
from annotations.store import Store, labels, samples
from tests.unit.annotations import sentiment


def offer(store: Store, text: str) -> str:
    sample = sentiment.inputs(text)
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))[0]


def correct(store: Store, sample_id: str, annotator: str, browser: str) -> None:
    review_queue.correct(store, sentiment.TASKS, sample_id, "negative", annotator, browser=browser)


def standing(store: Store, sample_id: str) -> tuple[str, list[str]]:
    with store.reading() as session:
        return samples.get(session, sample_id).state, [row.annotator for row in labels.history(session, sample_id)]


def test_they_wait_again_but_for_what_others_said(store: Store) -> None:
    one, two, three, four = [offer(store, text) for text in ("one", "two", "three", "four")]
    for sample_id in (one, two):
        correct(store, sample_id, "Ann", "here")
    correct(store, two, "Ben", "here")
    correct(store, three, "Ann", "there")
    correct(store, four, "Ann", "here")
    assert withdrawal.withdraw(store, [one, two, three], " Ann ", "here") == 2
    assert standing(store, one) == ("queued", [])
    assert standing(store, two) == ("labelled", ["Ben"])
    assert standing(store, three) == ("labelled", ["Ann"])
    assert standing(store, four) == ("labelled", ["Ann"])
    assert withdrawal.withdraw(store, [one, two, three], "Ann", "here") == 0
    assert review_queue.undo(store, "Ann", "here") == four  # what was taken back is not undone once more
