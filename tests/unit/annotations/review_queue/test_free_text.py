"""Names and notes as people and programs write them: one annotator in every spelling, nothing that cannot be stored."""

import pytest

from annotations import review_queue
from annotations.review_queue import claims, retention
from annotations.store import Store, labels, tallies
from annotations.store.tallies import Counted
from mmdemo.errors import BadInput, UnknownName
from mmdemo.values.review import ClaimSample
from tests.unit.annotations import sentiment


def offer(store: Store, text: str = "quiet evening") -> str:
    sample = sentiment.inputs(text)
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))[0]


def correct(store: Store, sample_id: str, label: str = "negative", annotator: str = "Ann", **more: str):
    return review_queue.correct(store, sentiment.TASKS, sample_id, label, annotator, **more)


NAMES = ["Zoë Ann", "Zoe\u0308 Ann", " Zoë\u00a0Ann\n", "\ufeffZoë  Ann", "Zo\u200bë Ann"]


@pytest.mark.parametrize("name", NAMES)
def test_one_annotator_in_any_spelling_is_one(store: Store, name: str) -> None:
    [one, two, three] = [offer(store, text) for text in ("one", "two", "three")]
    correct(store, one, annotator=NAMES[0])
    assert correct(store, two, annotator=name).annotator == NAMES[0]
    review_queue.skip(store, three, name)
    with store.reading() as session:
        assert tallies.by_item(session, sentiment.TASK.name, Counted.ANNOTATOR) == {NAMES[0]: 2}
        assert len(labels.given_by(session, NAMES[0], review_queue.UNDOABLE, [sentiment.TASK.name], 9)) == 3
    assert [review_queue.undo(store, NAMES[0]), review_queue.undo(store, name)] == [three, two]


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\ufeff\u00a0\n"])
def test_a_name_that_nobody_sees_is_none(store: Store, name: str) -> None:
    sample_id = offer(store)
    with pytest.raises(BadInput, match="name"):
        correct(store, sample_id, annotator=name)


@pytest.mark.parametrize("odd", ["\ud800", "\udfff", "\0"])
def test_what_no_database_stores_is_replaced_in_free_texts_and_finds_nothing_as_an_id(store: Store, odd: str) -> None:
    sample_id = offer(store)
    correction = correct(store, sample_id, annotator=f"Ann{odd}", note=f"a{odd}b")
    with store.reading() as session:
        [row] = labels.history(session, sample_id)
    assert (row.annotator, row.note) == (correction.annotator, correction.note) == ("Ann\ufffd", "a\ufffdb")
    for call in (
        lambda: correct(store, f"{odd}x"),
        lambda: correct(store, sample_id, label=f"{odd}x"),
        lambda: review_queue.skip(store, f"{odd}x", "Ann"),
        lambda: retention.forget(store, f"{odd}x"),
    ):
        with pytest.raises(UnknownName) as caught:
            call()
        str(caught.value).encode()  # a sentence that can be sent and printed
        caught.value.public_sentence("zh").encode()
    assert claims.claim(store, {sentiment.TASK.name: 0.0}, ClaimSample(f"a{odd}", odd * 32, f"{odd}x", "")) is None
    assert review_queue.undo(store, f"Ann{odd}", odd) is None
