"""How a sample came to people is written down when it comes, and says what its correction stands for."""

from collections import Counter
from dataclasses import dataclass, replace
from itertools import product

import pytest

from annotations import review_queue
from annotations.acquisition import strata
from annotations.acquisition.strata import AUDITED, FLAGGED, Draw
from annotations.nightly import dataset
from annotations.schema import PanelAnswerRow, SampleRow
from annotations.store import Store, labels, order, samples, tallies
from mmdemo.tasks import Gate
from mmdemo.values.samples import FlagReason
from tests.unit.annotations import sentiment

TASK = replace(sentiment.TASK, audit_share=0.2, gate=Gate(held_out_share=0.3))
SIDE, OTHER_SIDE = 0.1, 0.9  # draws under the share that is held out, and over it


@dataclass(frozen=True)
class Sample:
    """What is known of a sample's way to people."""

    stratum: str | None
    propensity: float | None
    split_draw: float = SIDE
    in_panel: bool = False


def stored(store: Store, sample_id: str) -> tuple[str | None, float | None]:
    with store.reading() as session:
        row = samples.get(session, sample_id)
        return row.stratum, row.propensity


def test_what_is_doubted_what_is_checked_and_what_is_disputed_are_told_apart(store: Store) -> None:
    doubted, sure, disputed = (sentiment.inputs(text) for text in ("one", "two", "three"))
    check = replace(sentiment.prediction(sure, 0.9), flagged=True, reason=FlagReason.AUDIT)
    offers = (doubted, sentiment.prediction(doubted), None), (sure, check, None)
    offers += ((disputed, sentiment.prediction(disputed, 0.9), "negative"),)
    ids = [review_queue.offer(store, TASK, one, answer, suggested=said)[0] for one, answer, said in offers]
    assert [stored(store, sample_id) for sample_id in ids] == [(FLAGGED, 1.0), (AUDITED, 0.2), (None, None)]


def test_a_random_check_stays_one_whatever_its_visitor_says(store: Store) -> None:
    sure = sentiment.inputs("one")
    check = replace(sentiment.prediction(sure, 0.9), flagged=True, reason=FlagReason.AUDIT)
    sample_id, _ = review_queue.offer(store, TASK, sure, check)
    review_queue.offer(store, TASK, sure, sentiment.prediction(sure, 0.9), suggested="negative")
    assert stored(store, sample_id) == (AUDITED, 0.2)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_doubted_and_sure_answers_belong_to_the_panel_by_one_chance_and_never_train(store: Store, share: float) -> None:
    sides: dict[str | None, list[bool]] = {FLAGGED: [], AUDITED: []}
    even = min(share, TASK.gate.held_out_share)
    for number in range(600):
        one = sentiment.inputs(f"caption {number}")
        doubted = sentiment.prediction(one)
        sure = replace(sentiment.prediction(one, 0.9), flagged=True, reason=FlagReason.AUDIT)
        sides[FLAGGED].append(strata.of(doubted, TASK, share).in_panel)
        if strata.is_audited(sure.sample_id, share):
            draw = strata.of(sure, TASK, share)
            assert (draw.stratum, draw.propensity) == (AUDITED, share)
            sides[AUDITED].append(draw.in_panel)
    near = 3 * (600 * even * (1 - even)) ** 0.5
    assert all(sum(members) == pytest.approx(600 * even, abs=near) for members in sides.values())
    assert strata.is_set_aside(Sample(FLAGGED, 1.0, OTHER_SIDE, in_panel=True), 0.0)


def test_what_a_member_of_the_panel_was_answered_is_kept_by_version(store: Store) -> None:
    answered = set()
    for number in range(20):
        one = sentiment.inputs(f"caption {number}")
        check = replace(sentiment.prediction(one, 0.9), flagged=True, reason=FlagReason.AUDIT, capped=number == 0)
        sample_id, _ = review_queue.offer(store, replace(TASK, gate=Gate(held_out_share=1.0)), one, check, share=1.0)
        answered.add((sample_id, -1.0 if number == 0 else 0.9))
    with store.reading() as session:
        rows = session.query(PanelAnswerRow).all()
    assert {(row.sample_id, row.confidence) for row in rows} == answered
    assert {(row.version, row.value) for row in rows} == {("v1", "positive")}


def test_sure_answers_are_counted_with_those_that_are_checked(store: Store) -> None:
    for number, confidence in enumerate((0.9, 0.9, 0.4)):
        one = sentiment.inputs(f"caption {number}")
        review_queue.offer(store, TASK, one, sentiment.prediction(one, confidence))
    one = sentiment.inputs("checked")
    review_queue.offer(store, TASK, one, replace(sentiment.prediction(one, 0.9), flagged=True, reason=FlagReason.AUDIT))
    with store.reading() as session:
        assert tallies.count_sure(session, TASK.name, AUDITED) == (1, 3)
        assert tallies.count_sure(session, "another", AUDITED) == (0, 0)


def test_random_checks_never_train(store: Store) -> None:
    for number in range(20):
        one = sentiment.inputs(f"caption {number}")
        check = replace(sentiment.prediction(one, 0.9), flagged=True, reason=FlagReason.AUDIT)
        sample_id, _ = review_queue.offer(store, TASK, one, check)
        review_queue.correct(store, {TASK.name: TASK}, sample_id, "neutral", "Ann")
    with store.reading() as session:
        corrections = labels.corrections(session, TASK.name)
    snapshot = dataset.freeze(TASK, corrections, store.media)
    parts = dataset.split(snapshot, 0.3)
    assert (len(parts.train), len(parts.held_out)) == (0, 20)


@pytest.mark.parametrize(
    ("sample", "aside", "weight"),
    [
        (Sample(FLAGGED, 1.0), True, 1 / 0.3),
        (Sample(FLAGGED, 1.0, OTHER_SIDE), False, None),
        (Sample(AUDITED, 0.05), True, 1 / 0.05),
        (Sample(AUDITED, 0.05, OTHER_SIDE), True, 1 / 0.05),
        (Sample(AUDITED, None), True, 1 / (0.2 * 0.3)),  # of an earlier release: it may have been trained on
        (Sample(AUDITED, None, OTHER_SIDE), False, None),
        (Sample(None, None), True, None),
    ],
)
def test_a_sample_stands_for_one_over_the_chance_that_it_came_and_was_set_aside(
    sample: Sample, aside: bool, weight: float | None
) -> None:
    assert strata.is_set_aside(sample, TASK.gate.held_out_share) is aside
    weights = strata.standing({"a": sample}, {Draw(sample.stratum, sample.propensity): 1}, TASK).weights
    assert (weights["a"][1] if weights else None) == (None if weight is None else pytest.approx(weight))


def test_what_is_answered_stands_for_what_waits_too() -> None:
    answered = {str(number): Sample(AUDITED, 0.2) for number in range(5)} | {"f": Sample(FLAGGED, 1.0)}
    standing = strata.standing(answered, {Draw(AUDITED, 0.2): 20, Draw(FLAGGED, 1.0): 3}, TASK)
    assert standing.weights["0"] == (AUDITED, pytest.approx(4 / 0.2))
    assert standing.weights["f"] == (FLAGGED, pytest.approx(3 / 0.3))
    assert (standing.count(AUDITED), standing.count(FLAGGED)) == (5, 1)


def test_what_trains_says_nothing_of_how_much_what_is_set_aside_stands_for() -> None:
    aside = {f"aside {number}": Sample(FLAGGED, 1.0, in_panel=number < 60) for number in range(65)}
    trained = {f"trained {number}": Sample(FLAGGED, 1.0, OTHER_SIDE) for number in range(35)}
    standing = strata.standing(aside | trained, {Draw(FLAGGED, 1.0): 90}, TASK)  # of 300 that were doubted
    assert sum(weight for _, weight in standing.weights.values()) == pytest.approx(300)
    assert standing.weights.keys() == aside.keys()


@pytest.mark.parametrize("later", [0, 1, 40])
def test_checks_of_a_smaller_share_that_wait_are_stood_for_by_as_much_as_they_are(later: int) -> None:
    checks = {f"early {number}": Sample(AUDITED, 0.2) for number in range(200)}
    checks |= {f"later {number}": Sample(AUDITED, 0.02) for number in range(later)}
    standing = strata.standing(checks, {Draw(AUDITED, 0.2): 200, Draw(AUDITED, 0.02): 40}, TASK)
    assert sum(weight for _, weight in standing.weights.values()) == pytest.approx(200 / 0.2 + 40 / 0.02)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_what_is_set_aside_is_the_same_for_the_database_as_for_a_night(store: Store, share: float) -> None:
    ways = list(product((None, FLAGGED, AUDITED), (None, 0.2), (SIDE, OTHER_SIDE), (False, True)))
    captions = [sentiment.inputs(f"caption {number}") for number in range(len(ways))]
    ids = [review_queue.offer(store, TASK, one, sentiment.prediction(one))[0] for one in captions]
    with store.session() as session:
        for sample_id, (stratum, propensity, draw, in_panel) in zip(ids, ways, strict=True):
            row = samples.get(session, sample_id)
            row.stratum, row.propensity, row.split_draw, row.in_panel = stratum, propensity, draw, in_panel
        session.flush()
        rows = session.query(SampleRow).all()
        aside = {row.sample_id for row in rows if strata.is_set_aside(row, share)}
        assert {row.sample_id for row in session.query(SampleRow).where(order.sets_aside(share))} == aside
        counts = samples.count_drawn(session, TASK.name, share)
    drawn = Counter(Draw(row.stratum, row.propensity) for row in rows if row.stratum and row.sample_id in aside)
    assert len(rows) == len(ways) and counts == drawn


def test_a_check_that_is_never_drawn_would_stand_for_anything() -> None:
    assert strata.standing({}, {}, TASK).unseen == pytest.approx(5)
    assert strata.standing({}, {}, replace(TASK, audit_share=0.0)).unseen is None
