"""In which order samples wait for a person."""

from datetime import timedelta

import pytest
from sqlalchemy import event
from sqlalchemy.dialects import postgresql

from annotations import review_queue
from annotations.schema import now
from annotations.store import Store, samples
from mmdemo.values.review import SampleState
from tests.unit.annotations import sentiment


def test_most_doubtful_first_then_oldest_then_smallest_id(store: Store) -> None:
    moment = now()
    rows = [("c", 0.5, 0), ("b", 0.5, 1), ("a", 0.5, 1), ("d", 0.6, 2), ("e", 0.4, -1)]
    with store.session() as session:
        for sample_id, doubt, seconds in rows:
            session.add(sentiment.row(sample_id, doubt, moment + timedelta(seconds=seconds)))
        session.commit()
        waiting = samples.waiting(session, "sentiment")
        assert [row.sample_id for row in waiting] == ["d", "c", "a", "b", "e"]
        assert [row.sample_id for row in samples.waiting(session, "sentiment", limit=2)] == ["d", "c"]
        assert samples.waiting(session, "speech_emotion") == []


def test_what_lies_outside_is_waited_for_but_not_queued(store: Store) -> None:
    sample = sentiment.inputs()
    sample_id, _ = review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))
    review_queue.send(store, sample_id, "server")
    with store.reading() as session:
        assert samples.waiting(session, states=(SampleState.QUEUED,)) == []
        assert [row.sample_id for row in samples.waiting(session)] == [sample_id]


@pytest.mark.parametrize("writes", [True, False])
def test_who_only_reads_a_sample_locks_it_for_nobody(store: Store, writes: bool) -> None:
    sent: list[str] = []
    with store.session() if writes else store.reading() as session:
        event.listen(
            session,
            "do_orm_execute",
            lambda asked: sent.append(str(asked.statement.compile(dialect=postgresql.dialect()))),
        )
        samples.find(session, sentiment.NEVER)
    assert len(sent) == 2 and all(("FOR UPDATE" in one) == writes for one in sent)
