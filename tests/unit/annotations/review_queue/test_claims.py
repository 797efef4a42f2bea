"""Who is at which sample: kept for one, given to nobody else meanwhile, and free again by itself."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest

from annotations import review_queue
from annotations.review_queue import claims, retention
from annotations.schema import SampleRow, now
from annotations.store import Store, open_store, samples
from mmdemo.settings import Settings
from mmdemo.values.review import ClaimSample
from tests.unit.annotations import sentiment

TASKS = {"sentiment": 0.0}  # each with the share of its samples that is set aside, and comes first
ANN, BO = ClaimSample("Ann", "a" * 32), ClaimSample("Bo", "b" * 32)
CLAIM = timedelta(seconds=claims.CLAIM_S)


@pytest.fixture
def offered(store: Store) -> list[str]:
    """Three samples that wait, most doubtful first."""
    return [offer(store, text, sure) for text, sure in (("one", 0.35), ("two", 0.40), ("three", 0.45))]


def offer(store: Store, text: str, sure: float = 0.4) -> str:
    sample = sentiment.inputs(text)
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample, sure))[0]


def of(who: ClaimSample, sample_id: str) -> ClaimSample:
    return ClaimSample(who.annotator, who.session, sample_id)


def row_of(store: Store, sample_id: str) -> SampleRow:
    with store.reading() as session:
        return samples.get(session, sample_id)


def holders(store: Store, sample_ids: list[str]) -> list[str | None]:
    return [claims.holder(row_of(store, sample_id))[0] for sample_id in sample_ids]


def test_the_second_gets_the_next_and_each_stays_at_their_own(store: Store, offered: list[str]) -> None:
    for _ in range(2):  # looking again changes nothing
        assert claims.claim(store, TASKS, ANN) == offered[0]
        assert claims.claim(store, TASKS, BO) == offered[1]
    assert holders(store, offered) == ["Ann", "Bo", None]


def test_what_another_is_at_is_not_to_be_had_and_ones_own_is_kept(store: Store, offered: list[str]) -> None:
    claims.claim(store, TASKS, ANN)
    claims.claim(store, TASKS, BO)
    assert claims.claim(store, TASKS, of(BO, offered[0])) is None
    assert holders(store, offered) == ["Ann", "Bo", None]


def test_whoever_goes_to_another_sample_frees_the_one_before(store: Store, offered: list[str]) -> None:
    claims.claim(store, TASKS, ANN)
    assert claims.claim(store, TASKS, of(ANN, offered[2])) == offered[2]
    assert holders(store, offered) == [None, None, "Ann"]
    assert claims.claim(store, TASKS, ANN) == offered[2]  # where they are, not the most doubtful
    claims.release(store, ANN.session)
    assert holders(store, offered) == [None, None, None]


def test_another_task_frees_the_sample_of_the_one_before(store: Store, offered: list[str]) -> None:
    claims.claim(store, TASKS, ANN)
    assert claims.claim(store, {"another": 0.0}, ANN) is None  # nothing waits there
    with store.session() as session:
        row = sentiment.row("f" * 64)
        row.task = "another"
        session.add(row)
        session.commit()
    assert claims.claim(store, {"another": 0.0}, ANN) == "f" * 64
    assert holders(store, offered) == [None, None, None]


def test_a_claim_ends_by_itself_and_is_renewed_by_looking_again(store: Store, offered: list[str]) -> None:
    start = now()
    claims.claim(store, TASKS, ANN, at=start)
    claims.claim(store, TASKS, of(ANN, offered[0]), at=start + CLAIM / 2)
    assert claims.claim(store, TASKS, BO, at=start + CLAIM) == offered[1]
    claims.release(store, BO.session)
    later = start + 1.5 * CLAIM
    assert claims.holder(row_of(store, offered[0]), at=later) == (None, None)
    assert claims.claim(store, TASKS, BO, at=later) == offered[0]
    assert claims.claim(store, TASKS, of(ANN, offered[0]), at=later) is None  # whoever slept is given another one
    assert claims.claim(store, TASKS, ANN, at=later) == offered[1]


@pytest.mark.parametrize(
    "ended",
    [
        lambda store, sample_id: review_queue.correct(
            store, sentiment.TASKS, sample_id, "neutral", "Bo"
        ),  # a script, say
        lambda store, sample_id: review_queue.skip(store, sample_id, "Ann"),
        lambda store, sample_id: review_queue.unsure(store, sample_id, "Ann"),
    ],
)
def test_an_answer_ends_the_claim_whoever_gives_it(
    store: Store, offered: list[str], ended: Callable[[Store, str], object]
) -> None:
    claims.claim(store, TASKS, ANN)
    ended(store, offered[0])
    row = row_of(store, offered[0])
    assert (row.claimed_by, row.claim_session, row.claimed_until) == (None, None, None)
    assert claims.claim(store, TASKS, ANN) == offered[1]


def test_a_round_with_an_outside_server_leaves_it_with_its_annotator(store: Store, offered: list[str]) -> None:
    claims.claim(store, TASKS, ANN)
    review_queue.send(store, offered[0], "server")
    assert holders(store, offered)[0] == "Ann"
    review_queue.recall(store, offered[0], "server")
    assert holders(store, offered)[0] == "Ann"


def test_nothing_stays_of_a_claim_on_what_its_sender_takes_back(store: Store) -> None:
    sample = sentiment.inputs("mine")
    sample_id, prediction_id = review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample))
    claims.claim(store, TASKS, ANN)
    retention.forget(store, prediction_id)
    assert row_of(store, sample_id).claimed_by is None
    assert claims.claim(store, TASKS, of(ANN, sample_id)) is None and claims.claim(store, TASKS, ANN) is None


def test_what_was_skipped_is_given_after_all_others_and_never_what_was_answered(
    store: Store, offered: list[str]
) -> None:
    review_queue.skip(store, offered[1], "Ann")
    review_queue.skip(store, offered[0], "Ann")
    assert claims.claim(store, TASKS, ANN) == offered[2]
    review_queue.unsure(store, offered[2], "Ann")
    assert claims.claim(store, TASKS, ANN) == offered[1]  # skipped first
    assert claims.claim(store, TASKS, BO) == offered[0]
    for sample_id in offered[:2]:
        review_queue.correct(store, sentiment.TASKS, sample_id, "neutral", "Ann")
    assert [claims.claim(store, TASKS, of(ANN, sample_id)) for sample_id in offered] == [None] * 3
    assert claims.claim(store, TASKS, ANN) is None


def race(asks: list[Callable[[], str | None]]) -> list[str | None]:
    """Ask all at the same moment, each in a thread of its own."""
    start = threading.Barrier(len(asks))

    def run(ask: Callable[[], str | None]) -> str | None:
        start.wait()
        return ask()

    with ThreadPoolExecutor(len(asks)) as pool:
        return list(pool.map(run, asks))


def test_of_two_threads_that_reach_for_one_sample_a_single_one_gets_it(store: Store, offered: list[str]) -> None:
    for wanted in offered * 7:
        asks = [partial(claims.claim, store, TASKS, of(who, wanted)) for who in (ANN, BO)]
        assert sorted(race(asks), key=str) == sorted([wanted, None], key=str)
        for who in (ANN, BO):
            claims.release(store, who.session)


def test_many_who_ask_for_the_next_get_each_another(store: Store) -> None:
    waiting = {offer(store, f"number {number}") for number in range(8)}
    sessions = [ClaimSample(f"annotator {number}", f"{number:032x}") for number in range(10)]
    got = race([partial(claims.claim, store, TASKS, who) for who in sessions])
    assert {one for one in got if one} == waiting and got.count(None) == 2


def test_two_processes_on_one_file_never_give_out_the_same_sample(
    store: Store, config: Settings, offered: list[str]
) -> None:
    other = open_store(config)  # with connections of its own, as another process has
    asks = [partial(claims.claim, each, TASKS, of(who, offered[0])) for each, who in ((store, ANN), (other, BO))]
    for _ in range(20):
        assert sorted(race(asks), key=str) == sorted([offered[0], None], key=str)
        claims.release(other, ANN.session)
        claims.release(store, BO.session)
    other.close()
