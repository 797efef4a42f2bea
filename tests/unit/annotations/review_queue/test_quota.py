"""What strangers may have kept: of each so much an hour, of all as much as people may still answer."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from annotations import review_queue
from annotations.loop import Loop
from annotations.review_queue.keeper import HOUR_S, MEGABYTE, MOST_CALLERS, RECOUNT_S, ROW_BYTES, Quota
from annotations.store import Store, samples
from mmdemo.errors import NotKept
from mmdemo.settings import Settings
from mmdemo.values.samples import Inputs
from tests.unit.annotations import sentiment
from tests.unit.annotations.sentiment import RulePredictor

ANN, BOB = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def now() -> list[float]:
    """A clock that stands at its one number."""
    return [1_000.0]


def refusal(quota: Quota, caller: str = ANN, size: int = 0) -> str | None:
    """Return the key of the sentence with which a sample is refused, None where it is kept."""
    try:
        quota.take(caller, size)
    except NotKept as error:
        assert error.sentence("en") and error.sentence("zh") and error.exit_code == 75
        return error.key
    return None


def test_a_caller_has_so_many_samples_kept_an_hour_and_others_have_theirs(store: Store, now: list[float]) -> None:
    quota = Quota(store, Settings(kept_per_hour=3), lambda: now[0])
    assert [refusal(quota) for _ in range(4)] == [None, None, None, "kept_rate"]
    assert refusal(quota, BOB) is None
    now[0] += HOUR_S / 3 + 1  # one has come back
    assert [refusal(quota) for _ in range(2)] == [None, "kept_rate"]
    now[0] += 2 * HOUR_S
    assert [refusal(quota) for _ in range(4)] == [None, None, None, "kept_rate"]
    with pytest.raises(NotKept, match=r"no more is kept than 3 in an hour\. Try again in 20 min"):
        quota.take(ANN, 0)


def test_a_caller_has_so_many_bytes_kept_an_hour(store: Store, now: list[float]) -> None:
    quota = Quota(store, Settings(kept_mb_per_hour=10), lambda: now[0])
    assert [refusal(quota, size=4 * MEGABYTE) for _ in range(3)] == [None, None, "kept_size"]
    assert refusal(quota, size=MEGABYTE) is None and refusal(quota, BOB, 4 * MEGABYTE) is None
    assert refusal(quota, "192.0.2.3", 11 * MEGABYTE) == "kept_size"


def test_nothing_is_refused_where_there_are_no_limits(store: Store) -> None:
    quota = Quota(store, Settings(kept_per_hour=0, kept_mb_per_hour=0, unanswered_mb=0))
    assert {refusal(quota, size=50 * MEGABYTE) for _ in range(500)} == {None}


def test_of_callers_without_number_so_many_are_remembered(store: Store) -> None:
    quota = Quota(store, Settings(unanswered_mb=0))
    for number in range(MOST_CALLERS + 10):
        quota.take(str(number), 0)
    assert len(quota._used) == MOST_CALLERS


def test_what_waits_for_an_answer_fills_the_room_and_answers_make_it(
    store: Store, config: Settings, now: list[float]
) -> None:
    quota = Quota(store, Settings(unanswered_mb=1), lambda: now[0])
    kept = []
    for number in range(100):
        sample = sentiment.inputs(f"caption {number}", number)
        try:
            kept.append(
                review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample), admit=quota.room)[0]
            )
        except NotKept as error:
            assert error.key == "kept_full" and "1 MB" in error.sentence()
            break
    with store.reading() as session:
        assert samples.unanswered_files(session)[0] == len(kept) == len(samples.waiting(session))
    assert MEGABYTE // ROW_BYTES - 3 <= len(kept) <= MEGABYTE // ROW_BYTES
    assert len(media_files(store)) == len(kept)  # what was refused was not written
    for sample_id in kept[:10]:
        review_queue.correct(store, sentiment.TASKS, sample_id, "neutral", "Ann")  # never refused
    assert refusal(quota) == "kept_full"
    now[0] += RECOUNT_S + 1
    assert [refusal(quota) for _ in range(9)] == [None] * 9
    review_queue.undo(store, "Ann")  # one waits again
    now[0] += RECOUNT_S + 1
    assert refusal(quota) is None


def media_files(store: Store) -> list[Path]:
    return [path for path in store.media.glob("*/*") if path.is_file()]


@pytest.fixture
def narrow(config: Settings) -> Iterator[Loop]:
    """A loop that keeps two samples an hour of each."""
    loop = Loop(replace(config, kept_per_hour=2), RulePredictor)
    yield loop
    loop.close()


def test_an_answer_goes_out_where_it_is_not_kept_and_says_so(narrow: Loop) -> None:
    answers = [narrow.predict("sentiment", Inputs(text=f"who knows {n}"), "none", True, ANN)[0] for n in range(4)]
    assert [answer.prediction_id is not None for answer in answers] == [True, True, False, False]
    assert "not_kept_rate" in answers[-1].notes and "not_kept_rate" not in answers[0].notes
    assert narrow.status("sentiment").states["queued"] == 2
    assert narrow.predict("sentiment", Inputs(text="who else knows"), "none", True, BOB)[0].prediction_id
    assert narrow.predict("sentiment", Inputs(text="who knows"), "none", False, ANN)[0].notes == answers[0].notes


def test_a_dispute_or_a_yes_beyond_it_is_refused_before_anything_is_stored(narrow: Loop) -> None:
    sample = Inputs(text="who knows", image=sentiment.picture(1))
    answer = narrow.predict("sentiment", sample, "default", False)[0]
    for _ in range(2):
        narrow.suggest("sentiment", Inputs(text="other"), "neutral", None, ANN)
    for call in (
        lambda: narrow.suggest("sentiment", sample, "neutral", None, ANN),
        lambda: narrow.keep(sample, answer, None, None, ANN),
    ):
        with pytest.raises(NotKept, match="no more is kept than 2 in an hour"):
            call()
    assert narrow.status("sentiment").states["queued"] == 1 and not media_files(narrow._store)
    narrow.correct(narrow.queue("sentiment", 1)[0].sample_id, "neutral", "Ann", "")  # reviewers go on
