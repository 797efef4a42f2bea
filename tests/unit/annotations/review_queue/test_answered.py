"""What was skipped comes later, and what an annotator did can be opened and changed."""

import pytest

from annotations import review_queue
from annotations.review_queue import retention
from annotations.schema import CorrectionRow
from annotations.store import Store, labels, samples
from mmdemo.errors import Conflict
from tests.unit.annotations import sentiment


def offer(store: Store, text: str = "quiet evening") -> tuple[str, str]:
    sample = sentiment.inputs(text)
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))


def correct(store: Store, sample_id: str, label: str = "negative", annotator: str = "Ann", **more):
    return review_queue.correct(store, sentiment.TASKS, sample_id, label, annotator, **more)


def waiting(store: Store) -> list[str]:
    with store.reading() as session:
        return [row.sample_id for row in samples.waiting(session)]


def test_what_was_skipped_comes_later_in_the_order_in_which_it_was_skipped(store: Store) -> None:
    ids = [offer(store, text)[0] for text in ("one", "two", "three")]
    for sample_id in (ids[1], ids[0], ids[1]):  # the second one twice: it is last again
        review_queue.skip(store, sample_id, "Ann")
    with store.reading() as session:
        assert [row.sample_id for row in samples.later(session)] == [ids[0], ids[1]]
        assert [row.sample_id for row in samples.later(session, "sentiment", limit=1)] == [ids[0]]
        assert samples.later(session, "other") == []
    assert waiting(store) == [ids[2]]
    correct(store, ids[0])
    with store.reading() as session:
        assert [row.sample_id for row in samples.later(session)] == [ids[1]]


@pytest.mark.parametrize("by", [correct, lambda store, sample_id: review_queue.unsure(store, sample_id, "Ann")])
def test_an_answer_to_what_is_thought_to_wait_is_refused_once_it_was_given(store: Store, by) -> None:
    sample_id, _ = offer(store)
    by(store, sample_id)
    with pytest.raises(Conflict, match="somebody else was faster"):
        correct(store, sample_id, "neutral", "Bo", again=False)
    assert correct(store, sample_id, "neutral", "Bo").label == "neutral"
    other, _ = offer(store, "another")
    review_queue.skip(store, other, "Ann")
    assert correct(store, other, again=False).annotator == "Ann"


def test_what_an_annotator_did_is_listed_newest_first_and_changed_with_its_history(store: Store) -> None:
    ids = [offer(store, text)[0] for text in ("one", "two", "three", "four")]
    correct(store, ids[0], "negative", "Ann")
    review_queue.skip(store, ids[1], "Ann")
    correct(store, ids[2], "neutral", "Bo")
    review_queue.unsure(store, ids[3], "Ann")
    assert listed(store, "Ann") == [
        (ids[3], "unsure", None),
        (ids[1], "skipped", None),
        (ids[0], "labelled", "negative"),
    ]
    assert listed(store, "Bo") == [(ids[2], "labelled", "neutral")] and listed(store, "Cy") == []
    correct(store, ids[0], "positive", "Ann")
    correct(store, ids[1], "neutral", "Ann")
    assert [entry[::2] for entry in listed(store, "Ann")][:2] == [(ids[1], "neutral"), (ids[0], "positive")]
    with store.reading() as session:
        assert [correction.value for correction in labels.history(session, ids[0])] == ["negative", "positive"]
    review_queue.undo(store, "Ann")
    review_queue.undo(store, "Ann")
    assert listed(store, "Ann")[-1] == (ids[0], "labelled", "negative")  # as before it was changed
    assert listed(store, "Ann")[1] == (ids[1], "skipped", None)


def listed(store: Store, annotator: str) -> list[tuple[str, str, str | None]]:
    with store.reading() as session:
        rows = labels.given_by(session, annotator, review_queue.UNDOABLE, ["sentiment"], 10)
    return [(row.sample.sample_id, row.move.after, row.correction.value if row.correction else None) for row in rows]


def test_the_list_says_what_counts_today_and_hides_what_was_taken_back(store: Store) -> None:
    kept, _ = offer(store, "one")
    gone, prediction_id = offer(store, "two")
    outside, _ = offer(store, "three")
    for sample_id in (kept, gone):
        correct(store, sample_id, "negative", "Ann")
    with store.session() as session:
        row = samples.get(session, outside)
        answer = CorrectionRow(value="negative", annotator="Ann", note="", source="label_studio", wrong_reason=False)
        review_queue.record(session, sentiment.TASK, row, "label", answer)
        session.commit()
    correct(store, kept, "neutral", "Bo")
    retention.forget(store, prediction_id)
    assert listed(store, "Ann") == [(kept, "labelled", "negative")]
    with store.reading() as session:
        [row] = labels.given_by(session, "Ann", review_queue.UNDOABLE, ["sentiment"], 10)
        assert (row.standing.value, row.standing.annotator) == ("neutral", "Bo")
        assert labels.given_by(session, "Ann", review_queue.UNDOABLE, ["another task"], 10) == []
