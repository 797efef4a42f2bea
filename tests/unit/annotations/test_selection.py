"""What is asked next: order, ties, and the draw of confident answers."""

import hashlib
from collections.abc import Sequence
from datetime import timedelta

import pytest

from annotations import review_queue, selection
from annotations.held_out import draw, is_held_out
from annotations.schema import SampleRow, now
from annotations.store import Store, samples
from tests.unit.annotations import given

IDS = [hashlib.sha256(bytes([number % 256, number // 256])).hexdigest() for number in range(4_000)]


def test_most_doubtful_first_then_oldest_then_smallest_id(store: Store) -> None:
    moment = now()
    rows = [("c", 0.5, 0), ("b", 0.5, 1), ("a", 0.5, 1), ("d", 0.6, 2), ("e", 0.4, -1)]
    with store.session() as session:
        for sample_id, doubt, seconds in rows:
            session.add(given.row(sample_id, doubt, moment + timedelta(seconds=seconds)))
        session.commit()
        found = selection.next_to_ask(session, "sentiment")
        assert [row.sample_id for row in found] == ["d", "c", "a", "b", "e"]
        assert [row.sample_id for row in selection.next_to_ask(session, "sentiment", 2)] == ["d", "c"]
        assert selection.next_to_ask(session, "speech_emotion") == []


def test_what_lies_outside_is_waited_for_but_not_asked_again(store: Store) -> None:
    sample = given.inputs()
    sample_id, _ = review_queue.offer(store, given.TASK, sample, given.prediction(sample))
    review_queue.send(store, sample_id, "server")
    with store.reading() as session:
        assert ids(selection.next_to_ask(session, "")) == []
        assert ids(samples.waiting(session)) == [sample_id]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_the_audit_draws_about_its_share(share: float) -> None:
    drawn = sum(selection.audit_draw(sample_id, share) for sample_id in IDS)
    assert drawn == pytest.approx(share * len(IDS), abs=3 * (len(IDS) * share * (1 - share)) ** 0.5)


def test_the_audit_is_steady_grows_with_its_share_and_is_independent_of_the_held_out_choice() -> None:
    some = {sample_id for sample_id in IDS if selection.audit_draw(sample_id, 0.2)}
    assert some == {sample_id for sample_id in IDS if selection.audit_draw(sample_id, 0.2)}
    assert some < {sample_id for sample_id in IDS if selection.audit_draw(sample_id, 0.3)}
    both = sum(is_held_out(draw(sample_id), 0.3) for sample_id in some)
    assert both == pytest.approx(0.3 * len(some), abs=3 * (len(some) * 0.3 * 0.7) ** 0.5)


def ids(rows: Sequence[SampleRow]) -> list[str]:
    return [row.sample_id for row in rows]
