"""The states of a sample: each allowed move, each refused one, and what the same thing done twice does."""

import shutil
from collections.abc import Callable

import pytest
from sqlalchemy import select

from annotations import review_queue
from annotations.schema import ConsentRow, MoveRow, SampleRow
from annotations.store import Store, labels, samples, tallies
from annotations.store.tallies import Counted
from mmdemo.errors import BadInput, Conflict, MmdemoError, UnknownName
from mmdemo.values import review
from mmdemo.values.review import SampleState
from mmdemo.values.samples import Inputs
from tests.unit.annotations import sentiment

DOUBTFUL, SURE = 0.4, 0.9
Offer = Callable[..., tuple[str, str]]


@pytest.fixture
def offer(store: Store) -> Offer:
    """`offer(sample, confidence, **more)` keeps an answer to `sample`."""

    def keep(sample: Inputs, confidence: float = DOUBTFUL, version: str = "v1", **more: str) -> tuple[str, str]:
        answer = sentiment.prediction(sample, confidence, version)
        return review_queue.offer(store, sentiment.TASK, sample, answer, **more)

    return keep


def row_of(store: Store, sample_id: str) -> SampleRow:
    with store.reading() as session:
        return samples.get(session, sample_id)


def waiting(store: Store) -> list[str]:
    with store.reading() as session:
        return [row.sample_id for row in samples.waiting(session)]


def correct(store: Store, sample_id: str, label: str = "negative", annotator: str = "Ann", **more: str):
    return review_queue.correct(store, sentiment.TASKS, sample_id, label, annotator, **more)


@pytest.mark.parametrize("name", review_queue.MOVES)
@pytest.mark.parametrize("state", [None, *SampleState])
def test_every_move_from_every_state(store: Store, name: str, state: str | None) -> None:
    with store.session() as session:
        row = sentiment.row(state=state)
        after = review_queue.MOVES[name].get(state)
        if after is None:
            with pytest.raises(Conflict, match=f'does not allow "{name}"'):
                review_queue.move(session, row, name)
        else:
            review_queue.move(session, row, name)
            assert row.state == after in SampleState


def test_a_doubtful_answer_is_queued_with_its_inputs(store: Store, offer: Offer) -> None:
    sample = sentiment.inputs("a grey morning", seed=1)
    sample_id, _ = offer(sample, version="v7")
    row = row_of(store, sample_id)
    assert (row.state, row.caption, row.model_version, row.reason) == (
        "queued",
        "a grey morning",
        "v7",
        "low_confidence",
    )
    assert (store.media / row.image).is_file()
    assert row.prediction["explanation"]["text"]["tokens"][1]["text"] == "grey"
    assert row.prediction["prediction_id"] is None
    assert waiting(store) == [sample_id]


def test_a_confident_answer_leaves_a_row_without_inputs(store: Store, offer: Offer) -> None:
    sample_id, prediction_id = offer(sentiment.inputs("a bright morning", seed=1), SURE)
    row = row_of(store, sample_id)
    assert (row.state, row.has_content, row.prediction["explanation"]) == ("unflagged", False, None)
    assert row.prediction["probabilities"]["positive"] == SURE
    assert len(prediction_id) >= 32
    assert list(store.media.glob("*/*")) == []


def test_the_same_input_makes_no_second_entry_and_keeps_the_first_answer(store: Store, offer: Offer) -> None:
    sample = sentiment.inputs(seed=1)
    first, one = offer(sample, version="v1")
    second, two = offer(sample, 0.5, version="v2")
    assert first == second and one != two
    assert waiting(store) == [first]
    assert row_of(store, first).model_version == "v1"
    assert len([path for path in store.media.glob("*/*") if path.is_file()]) == 1


def test_a_confident_answer_that_is_doubted_later_is_queued_with_its_inputs(store: Store, offer: Offer) -> None:
    sample = sentiment.inputs()
    sample_id, _ = offer(sample, SURE, version="v1")
    offer(sample, DOUBTFUL, version="v2")
    row = row_of(store, sample_id)
    assert (row.state, row.caption, row.model_version) == ("queued", sample.text, "v2")


def test_a_suggestion_queues_a_confident_answer_and_trains_nothing(store: Store, offer: Offer) -> None:
    sample = sentiment.inputs()
    sample_id, prediction_id = offer(sample, SURE)
    again, same_id = offer(sample, SURE, suggested="negative", earlier=prediction_id)
    row = row_of(store, sample_id)
    assert (again, same_id) == (sample_id, prediction_id)  # the sender can still take it back
    assert (row.state, row.reason, row.suggested, row.caption) == ("queued", "disputed", "negative", sample.text)
    with store.reading() as session:
        assert labels.corrections(session) == []


def test_a_suggestion_must_be_a_label_of_the_task(store: Store, offer: Offer) -> None:
    with pytest.raises(UnknownName, match="negative, neutral, positive"):
        offer(sentiment.inputs(), suggested="splendid")
    assert waiting(store) == []


def holdings(store: Store) -> dict[str, bool]:
    with store.reading() as session:
        return {row.prediction_id: row.content for row in session.scalars(select(ConsentRow))}


def test_a_dispute_is_its_senders_consent_and_nobody_elses(store: Store, offer: Offer) -> None:
    sample = sentiment.inputs()
    _, one = offer(sample, SURE)
    _, other = offer(sample, SURE)
    offer(sample, SURE, suggested="negative", earlier=one)
    assert holdings(store) == {one: True, other: False}
    _, third = offer(sample, SURE, suggested="negative")  # who names no id is a visitor of their own
    assert holdings(store) == {one: True, other: False, third: True}


def test_an_id_of_another_sample_is_refused_and_nothing_is_kept(store: Store, offer: Offer) -> None:
    _, other = offer(sentiment.inputs("another"), SURE)
    for unknown in (other, "guess"):
        with pytest.raises(UnknownName, match="Nothing is kept"):
            offer(sentiment.inputs("mine", seed=1), SURE, suggested="negative", earlier=unknown)
    assert (holdings(store), waiting(store)) == ({other: False}, [])
    assert [path for path in store.media.glob("*/*") if path.is_file()] == []


@pytest.mark.parametrize("move", [review_queue.skip, review_queue.unsure])
def test_what_nobody_could_answer_is_asked_again_where_a_visitor_disputes_it(store: Store, offer: Offer, move) -> None:
    sample = sentiment.inputs()
    sample_id, _ = offer(sample)
    move(store, sample_id, "Ann")
    offer(sample)
    assert waiting(store) == []
    offer(sample, suggested="neutral")
    row = row_of(store, sample_id)
    assert (row.state, row.reason, row.suggested) == ("queued", "disputed", "neutral")


def test_a_labelled_sample_is_asked_again_only_where_a_visitor_disputes_it(store: Store, offer: Offer) -> None:
    sample = sentiment.inputs()
    sample_id, _ = offer(sample)
    correct(store, sample_id)
    offer(sample)
    assert waiting(store) == []
    offer(sample, suggested="neutral")
    row = row_of(store, sample_id)
    assert (row.state, row.reason, row.suggested) == ("queued", "disputed", "neutral")


def test_a_disputed_correction_counts_until_a_person_gives_another(store: Store, offer: Offer) -> None:
    sample = sentiment.inputs()
    sample_id, _ = offer(sample)
    correct(store, sample_id, "negative", "Ann")
    offer(sample, suggested="neutral")
    assert counting(store) == ["negative"]
    review_queue.skip(store, sample_id, "Bo")
    assert counting(store) == ["negative"]
    review_queue.undo(store, "Bo")
    correct(store, sample_id, "neutral", "Bo")
    assert (counting(store), row_of(store, sample_id).state) == (["neutral"], "labelled")


def counting(store: Store) -> list[str]:
    with store.reading() as session:
        return [row.correction.label for row in labels.corrections(session)]


def test_a_correction_keeps_who_what_and_the_version_that_predicted(store: Store, offer: Offer) -> None:
    sample_id, _ = offer(sentiment.inputs(), version="v3")
    correction = correct(store, sample_id, "neutral", "  Ann ", note=" unclear ")
    assert (correction.label, correction.annotator, correction.note, correction.source) == (
        "neutral",
        "Ann",
        "unclear",
        "page",
    )
    assert (correction.predicted_label, correction.model_version) == ("positive", "v3")
    assert correction.corrected_at.endswith("+00:00")
    assert waiting(store) == []


def test_the_last_correction_counts_and_earlier_ones_stay_as_history(store: Store, offer: Offer) -> None:
    sample_id, _ = offer(sentiment.inputs())
    correct(store, sample_id, "negative", "Ann")
    correct(store, sample_id, "neutral", "Bo")
    with store.reading() as session:
        assert [row.correction.label for row in labels.corrections(session)] == ["neutral"]
        assert [row.annotator for row in labels.history(session, sample_id)] == ["Ann", "Bo"]
        assert tallies.by_item(session, "sentiment", Counted.ANNOTATOR) == {"Bo": 1}
        assert tallies.by_item(session, "sentiment", Counted.VALUE) == {"neutral": 1}


@pytest.mark.parametrize(
    ("sample", "label", "annotator", "note", "error", "said"),
    [
        (sentiment.NEVER, "negative", "Ann", "", UnknownName, "There is no sample"),
        (None, "splendid", "Ann", "", UnknownName, "negative, neutral, positive"),
        (None, "negative", "  ", "", BadInput, "name"),
        (None, "negative", "A" * 101, "", BadInput, "100"),
        (None, "negative", "Ann", "n" * 2_001, BadInput, "2000"),
    ],
)
def test_a_refused_correction_stores_nothing(
    store: Store, offer: Offer, sample: str | None, label: str, annotator: str, note: str, error: type, said: str
) -> None:
    sample_id, _ = offer(sentiment.inputs())
    with pytest.raises(error, match=said):
        correct(store, sample or sample_id, label, annotator, note=note)
    with store.reading() as session:
        assert labels.every(session, sample_id) == []
    assert waiting(store) == [sample_id]


def counts(store: Store, sample_id: str) -> str:
    with store.reading() as session:
        (one,) = labels.corrections(session, sentiment.TASK.name)
        assert labels.counting(session, sample_id).id == one.correction_id
    return one.correction.label


def test_what_most_people_say_counts_and_of_equals_the_latest(store: Store, offer: Offer) -> None:
    sample_id, _ = offer(sentiment.inputs())
    said = [("Ann", "negative"), ("Ben", "neutral"), ("Cleo", "negative"), ("Ben", "neutral"), ("Dora", "neutral")]
    standing = [correct(store, sample_id, label, who).counts for who, label in said]
    assert standing == [True, True, True, False, True]  # one by one, two by one, twice the same person, two by two
    assert counts(store, sample_id) == "neutral"
    assert review_queue.undo(store, "Dora") == sample_id
    assert counts(store, sample_id) == "negative"
    assert correct(store, sample_id, "positive", "Ann").counts  # now all three differ


def test_right_answer_wrong_reason_is_kept_with_the_correction_and_only_of_a_right_answer(
    store: Store, offer: Offer
) -> None:
    sample_id, _ = offer(sentiment.inputs())
    with pytest.raises(BadInput, match='the model said "positive", not "negative"'):
        correct(store, sample_id, "negative", wrong_reason=True)
    with store.reading() as session:
        assert (
            labels.every(session, sample_id) == []
            and sum(tallies.by_item(session, "sentiment", Counted.WRONG_REASON).values()) == 0
        )
    assert correct(store, sample_id, "positive", wrong_reason=True).wrong_reason
    assert not correct(store, sample_id, "positive", "Bo").wrong_reason  # the latest counts
    with store.reading() as session:
        assert [correction.wrong_reason for correction in labels.history(session, sample_id)] == [True, False]
        assert sum(tallies.by_item(session, "sentiment", Counted.WRONG_REASON).values()) == 0
    review_queue.undo(store, "Bo")
    with store.reading() as session:
        assert sum(tallies.by_item(session, "sentiment", Counted.WRONG_REASON).values()) == 1


def test_an_unflagged_sample_has_nothing_to_correct(store: Store, offer: Offer) -> None:
    sample_id, _ = offer(sentiment.inputs(), SURE)
    with pytest.raises(Conflict, match="unflagged"):
        correct(store, sample_id)


@pytest.mark.parametrize("move", [review_queue.skip, review_queue.unsure])
def test_skipped_and_unsure_leave_the_queue_and_can_still_be_corrected(store: Store, offer: Offer, move) -> None:
    sample_id, _ = offer(sentiment.inputs())
    move(store, sample_id, "Ann")
    assert waiting(store) == []
    if move is review_queue.unsure:
        with pytest.raises(Conflict):
            move(store, sample_id, "Ann")
    correct(store, sample_id)
    assert row_of(store, sample_id).state == "labelled"


def test_undo_goes_back_through_ones_own_answers(store: Store, offer: Offer) -> None:
    ids = [offer(sentiment.inputs(text))[0] for text in ("one", "two", "three")]
    correct(store, ids[0], annotator="Ann")
    review_queue.skip(store, ids[1], "Ann")
    review_queue.unsure(store, ids[2], "Bo")
    assert review_queue.undo(store, "Ann") == ids[1]
    assert review_queue.undo(store, "Ann") == ids[0]
    assert review_queue.undo(store, "Ann") is None
    assert sorted(waiting(store)) == sorted(ids[:2])
    with store.reading() as session:
        assert labels.corrections(session) == []


def test_undo_takes_back_what_the_same_browser_answered_whoever_types_the_name(store: Store, offer: Offer) -> None:
    anns, bobs = review.browser_mark("a" * 32), review.browser_mark("b" * 32)
    ids = [offer(sentiment.inputs(text))[0] for text in ("one", "two", "three")]
    correct(store, ids[0], annotator="Ann", browser=anns)
    review_queue.skip(store, ids[1], "Ann", anns)
    review_queue.unsure(store, ids[2], "Ann")  # by a script
    assert review_queue.undo(store, "Ann", bobs) is None and review_queue.undo(store, "Ann", "") is None
    assert review_queue.undo(store, "Bo", anns) is None
    assert review_queue.undo(store, "Ann") == ids[2] and review_queue.undo(store, "Ann") is None
    assert [review_queue.undo(store, "Ann", anns) for _ in range(3)] == [ids[1], ids[0], None]
    with store.reading() as session:
        assert "a" * 32 not in {move.browser for move in session.scalars(select(MoveRow))}


def test_undo_leaves_what_somebody_else_answered(store: Store, offer: Offer) -> None:
    sample_id, _ = offer(sentiment.inputs())
    review_queue.skip(store, sample_id, "Ann")
    correct(store, sample_id, "neutral", "Bo")
    assert review_queue.undo(store, "Ann") == sample_id
    assert row_of(store, sample_id).state == "labelled"
    correct(store, sample_id, "negative", "Ann")
    review_queue.undo(store, "Ann")
    with store.reading() as session:
        assert [row.correction.annotator for row in labels.corrections(session)] == ["Bo"]
    review_queue.undo(store, "Bo")
    assert waiting(store) == [sample_id]


@pytest.mark.parametrize("act", [review_queue.skip, review_queue.unsure, review_queue.send, review_queue.recall])
def test_unknown_samples_are_refused_by_every_move(store: Store, act) -> None:
    with pytest.raises(UnknownName, match=sentiment.NEVER):
        act(store, sentiment.NEVER, "Ann")


def test_nothing_of_an_offer_remains_when_the_media_cannot_be_written(store: Store, offer: Offer) -> None:
    shutil.rmtree(store.media)
    store.media.write_text("a file where the folder should be")
    with pytest.raises(MmdemoError, match="Set MMDEMO_HOME"):
        offer(sentiment.inputs(seed=1))
    with store.reading() as session:
        assert tallies.count_by_state(session, "sentiment") == {}
