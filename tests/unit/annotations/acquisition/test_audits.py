"""How many sure answers are checked at random, in which order people answer them, and that they stay blind."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from annotations import review_queue
from annotations.acquisition import strata
from annotations.acquisition.audits import AuditSchedule
from annotations.labelstudio import health
from annotations.review_queue import claims, predictions, retention, second_look
from annotations.review_queue.keeper import Keeper, Quota
from annotations.review_queue.second_look import AT_ONCE
from annotations.schema import PanelAnswerRow
from annotations.store import Store, samples
from mmdemo.settings import Settings
from mmdemo.tasks import Gate
from mmdemo.tasks.audits import Audits
from mmdemo.values.review import ClaimSample
from mmdemo.values.samples import FlagReason
from tests.statements import statements
from tests.unit.annotations import sentiment

TASK = replace(sentiment.TASK, audit_share=0.02, audits=Audits(share=0.5, until=3))
ALWAYS = replace(sentiment.TASK, audit_share=1.0)


def check(store: Store, caption: str, share: float = 1.0) -> str:
    """Let a sure answer be kept that was drawn at random."""
    one = sentiment.inputs(caption)
    answer = replace(sentiment.prediction(one, 0.9), flagged=True, reason=FlagReason.AUDIT)
    return review_queue.offer(store, TASK, one, answer, share=share)[0]


def doubt(store: Store, caption: str, confidence: float = 0.4) -> str:
    """Let a doubted answer be kept."""
    one = sentiment.inputs(caption)
    return review_queue.offer(store, TASK, one, sentiment.prediction(one, confidence), share=0.0)[0]


def test_more_is_checked_until_enough_checks_are_answered(store: Store) -> None:
    schedule = AuditSchedule(store, Settings())
    for number in range(3):
        assert schedule.share(TASK) == 0.5
        review_queue.correct(store, sentiment.TASKS, check(store, f"caption {number}"), "neutral", "Ann")
    assert schedule.share(TASK) == 0.02
    review_queue.undo(store, "Ann")
    assert schedule.share(TASK) == 0.5


def test_of_what_no_share_takes_the_store_is_not_asked(store: Store) -> None:
    schedule = AuditSchedule(store, Settings())
    answers = [sentiment.prediction(sentiment.inputs(f"caption {number}"), 0.9) for number in range(60)]
    for answer in answers:
        with statements(store) as sent:
            chance = schedule.chance(TASK, answer)
        assert (chance is not None) == strata.is_audited(answer.sample_id, 0.5) == bool(sent)


def test_what_waits_and_what_was_doubted_are_no_answered_checks(store: Store) -> None:
    for number in range(4):
        check(store, f"caption {number}")
        review_queue.correct(store, sentiment.TASKS, doubt(store, f"doubted {number}"), "neutral", "Ann")
    assert AuditSchedule(store, Settings()).share(TASK) == 0.5


@pytest.mark.parametrize(
    ("audit_share", "audits", "share"),
    [(0.0, Audits(), 0.0), (0.6, Audits(), 0.6), (0.02, Audits(until=0), 0.02), (0.02, Audits(), 0.2)],
)
def test_a_task_says_whether_more_is_checked_at_first(
    store: Store, audit_share: float, audits: Audits, share: float
) -> None:
    assert AuditSchedule(store, Settings()).share(replace(TASK, audit_share=audit_share, audits=audits)) == share


def test_a_check_is_kept_with_the_chance_with_which_it_was_drawn(store: Store) -> None:
    keeper = Keeper(store, Quota(store, Settings()), AuditSchedule(store, Settings()))
    drawn = next(
        one
        for number in range(99)
        if 0.02
        <= strata.hashed_draw.draw("audit", sentiment.prediction(one := sentiment.inputs(f"{number}")).sample_id)
        < 0.5
    )
    answer = sentiment.prediction(drawn, 0.9)
    chance = keeper.audit(TASK, answer)
    for number in range(3):
        review_queue.correct(store, sentiment.TASKS, check(store, f"caption {number}"), "neutral", "Ann")
    assert (chance, keeper.audit(TASK, answer)) == (0.5, None)  # it would not be drawn any more
    kept = keeper.keep(TASK, drawn, answer, None, audit=chance)
    with store.reading() as session:
        row = samples.get(session, kept.sample_id)
    assert (row.stratum, row.propensity, row.reason) == (strata.AUDITED, 0.5, "audit")


def test_review_asks_about_checks_first_in_the_order_in_which_they_came(store: Store) -> None:
    doubtful = [doubt(store, "one", 0.5), doubt(store, "two", 0.3)]
    checks = [check(store, "three"), check(store, "four")]
    with store.reading() as session:
        turn = [
            row.sample_id for row in samples.waiting(session, TASK.name, aside={TASK.name: TASK.gate.held_out_share})
        ]
        by_doubt = [row.sample_id for row in samples.waiting(session, TASK.name)]
    assert turn == [*checks, doubtful[1], doubtful[0]]
    assert by_doubt[:2] == [doubtful[1], doubtful[0]]
    assert claims.claim(store, {TASK.name: 0.3}, ClaimSample("Ann", "a" * 32)) == checks[0]


def test_review_asks_about_all_that_is_set_aside_in_the_order_in_which_it_came(store: Store) -> None:
    ids = [doubt(store, f"caption {number}", 0.5 - number / 100) for number in range(12)]  # each is doubted more
    aside = [one for one in ids if strata.is_held_out(strata.held_out_draw(one), 0.5)]
    with store.reading() as session:
        turn = [row.sample_id for row in samples.waiting(session, TASK.name, aside={TASK.name: 0.5})]
    assert 1 < len(aside) < 11
    assert turn == [*aside, *(one for one in reversed(ids) if one not in aside)]
    assert claims.claim(store, {TASK.name: 0.5}, ClaimSample("Ann", "a" * 32)) == aside[0]


def test_a_check_that_its_visitor_disputes_stays_blind_and_is_asked_about_as_a_check(store: Store) -> None:
    sample_id = check(store, "one")
    one = sentiment.inputs("one")
    review_queue.offer(store, TASK, one, sentiment.prediction(one, 0.9), suggested="negative")
    with store.reading() as session:
        row = samples.get(session, sample_id)
        item = predictions.queue_item(row, store.media)
    assert (row.stratum, row.reason, item.checks) == (strata.AUDITED, "disputed", True)


def test_what_was_doubted_and_judges_versions_is_asked_about_blind_too(store: Store) -> None:
    one, task = sentiment.inputs("one"), replace(TASK, gate=Gate(held_out_share=1.0))
    sample_id, _ = review_queue.offer(store, task, one, sentiment.prediction(one, 0.4), share=1.0)
    with store.reading() as session:
        row = samples.get(session, sample_id)
        assert (row.stratum, row.in_panel, predictions.queue_item(row, store.media).checks) == (
            strata.FLAGGED,
            True,
            True,
        )
        assert samples.to_score(session, TASK.name, "v2", "", 10, held_by="") == []  # no other version's guess either
        share = task.gate.held_out_share
        assert health.outgoing(row, share).blind
        row.in_panel = False
        assert not predictions.queue_item(row, store.media).checks and not health.outgoing(row, share).blind


def test_a_second_look_leaves_a_dispute_counted(store: Store) -> None:
    one = sentiment.inputs("one")
    sample_id, _ = review_queue.offer(store, TASK, one, sentiment.prediction(one, 0.9), suggested="negative")
    review_queue.correct(store, sentiment.TASKS, sample_id, "neutral", "Ann")
    assert second_look.ask(store, [sample_id]) == 1
    with store.reading() as session:
        assert samples.count_disputed(session, TASK.name, "v1", most=5) == 1


@pytest.mark.parametrize("pass_over", [review_queue.unsure, review_queue.skip])
def test_what_was_passed_over_takes_no_place_of_a_second_look(
    store: Store, pass_over: Callable[[Store, str, str], None]
) -> None:
    suspects = [doubt(store, f"caption {number}") for number in range(AT_ONCE + 3)]
    for sample_id in suspects:
        review_queue.correct(store, sentiment.TASKS, sample_id, "neutral", "Ann")
    assert second_look.ask(store, suspects) == AT_ONCE
    assert second_look.ask(store, suspects) == 0  # as many wait as may at a time
    for sample_id in suspects[:2]:
        pass_over(store, sample_id, "Ann")
    assert second_look.ask(store, suspects) == 2
    with store.reading() as session:
        again = {row.sample_id for row in samples.waiting(session, TASK.name)}
    assert again == set(suspects[2 : AT_ONCE + 2])


def test_nothing_is_left_of_what_versions_answered_to_what_was_erased(store: Store) -> None:
    one, whole = sentiment.inputs("one"), replace(TASK, gate=Gate(held_out_share=1.0))
    answer = replace(sentiment.prediction(one, 0.9), flagged=True, reason=FlagReason.AUDIT)
    _, prediction_id = review_queue.offer(store, whole, one, answer, share=1.0)
    retention.forget(store, prediction_id)
    with store.reading() as session:
        row = samples.get(session, answer.sample_id)
        assert session.query(PanelAnswerRow).count() == 0
    assert (row.stratum, row.in_panel) == (strata.AUDITED, True)  # the draw by which it came stays


def test_where_a_versions_answers_are_disputed_more_of_them_are_checked_until_enough_are_known(store: Store) -> None:
    schedule = AuditSchedule(store, Settings())
    for number in range(3):
        review_queue.correct(store, sentiment.TASKS, check(store, f"caption {number}"), "neutral", "Ann")
    for number in range(5):
        assert schedule.share(TASK, "v2") == 0.02
        one = sentiment.inputs(f"disputed {number}")
        answer = sentiment.prediction(one, 0.9, version="v2")
        review_queue.offer(store, TASK, one, answer, share=0.0, suggested="neutral")
    assert (schedule.share(TASK, "v2"), schedule.share(TASK, "v1"), schedule.share(TASK)) == (0.5, 0.02, 0.02)
    for number in range(3):
        one = sentiment.inputs(f"checked {number}")
        answer = replace(sentiment.prediction(one, 0.9, version="v2"), flagged=True, reason=FlagReason.AUDIT)
        sample_id, _ = review_queue.offer(store, TASK, one, answer, share=0.5)
        review_queue.correct(store, sentiment.TASKS, sample_id, "neutral", "Ann")
    assert schedule.share(TASK, "v2") == 0.02
