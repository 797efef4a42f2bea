"""Content goes when its last holder takes it back, or when nobody answered in time; the row stays."""

import os
import sqlite3
import threading
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from annotations import review_queue
from annotations.review_queue import retention
from annotations.schema import SampleRow, now
from annotations.store import Store, labels, open_store, samples, tallies
from mmdemo.errors import Conflict, UnknownName
from mmdemo.settings import Settings
from mmdemo.values.samples import Inputs
from tests.unit.annotations import sentiment
from tests.waiting import wait_until

SECRET = "zanzibar-quokka"


def offer(store: Store, sample: Inputs, confidence: float = 0.4, **more: str) -> tuple[str, str]:
    return review_queue.offer(store, sentiment.TASK, sample, sentiment.prediction(sample, confidence), **more)


def row_of(store: Store, sample_id: str) -> SampleRow:
    with store.reading() as session:
        return samples.get(session, sample_id)


def media_of(store: Store) -> list[Path]:
    return [path for path in store.media.glob("*/*") if path.is_file()]


def bytes_of(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


def test_forgetting_erases_caption_media_and_explanation_from_the_disk(store: Store, config: Settings) -> None:
    sample_id, prediction_id = offer(store, sentiment.inputs(f"the {SECRET} sleeps", seed=1))
    assert SECRET.encode() in bytes_of(config.home)
    retention.forget(store, prediction_id)
    row = row_of(store, sample_id)
    assert (row.state, row.has_content, row.prediction, row.predicted_value) == ("queued", False, None, "")
    assert media_of(store) == []
    assert SECRET.encode() not in bytes_of(config.home)
    with store.reading() as session:
        assert samples.waiting(session) == []
        assert tallies.count_by_state(session, "sentiment") == {"forgotten": 1}


def test_an_input_that_two_agreed_to_keep_stays_until_both_take_it_back(store: Store) -> None:
    sample = sentiment.inputs(seed=1)
    sample_id, one = offer(store, sample)
    _, two = offer(store, sample)
    retention.forget(store, one)
    assert row_of(store, sample_id).has_content and len(media_of(store)) == 1
    retention.forget(store, two)
    assert not row_of(store, sample_id).has_content and media_of(store) == []


def test_who_was_told_that_nothing_is_kept_holds_no_content(store: Store) -> None:
    sample = sentiment.inputs()
    sample_id, doubtful = offer(store, sample, 0.4)
    _, sure = offer(store, sample, 0.9)  # a later version is sure: this visitor's inputs are not kept
    retention.forget(store, doubtful)
    assert not row_of(store, sample_id).has_content
    retention.forget(store, sure)


def test_who_suggested_can_take_it_back(store: Store) -> None:
    sample = sentiment.inputs(seed=1)
    sample_id, prediction_id = offer(store, sample, 0.9)
    _, strangers = offer(store, sample, 0.9)  # who agreed to a row without inputs
    offer(store, sample, 0.9, suggested="negative", earlier=prediction_id)
    assert row_of(store, sample_id).has_content
    retention.forget(store, prediction_id)
    row = row_of(store, sample_id)
    assert (row.has_content, row.suggested, media_of(store)) == (False, None, [])
    retention.forget(store, strangers)


def test_a_stranger_takes_back_nothing_that_another_disputed(store: Store) -> None:
    sample = sentiment.inputs(seed=1)
    sample_id, stranger = offer(store, sample, 0.9)
    offer(store, sample, 0.9, suggested="negative")
    retention.forget(store, stranger)
    assert row_of(store, sample_id).has_content


def test_media_that_another_sample_needs_stay(store: Store) -> None:
    _, one = offer(store, sentiment.inputs("a caption", seed=1))
    other, _ = offer(store, sentiment.inputs("another caption", seed=1))
    assert len(media_of(store)) == 1
    retention.forget(store, one)
    assert [store.media / row_of(store, other).image] == media_of(store)


def test_a_forgotten_correction_no_longer_trains_and_cannot_be_given_again(store: Store) -> None:
    sample_id, prediction_id = offer(store, sentiment.inputs())
    review_queue.correct(store, sentiment.TASKS, sample_id, "positive", "Ann", f"it says {SECRET}", wrong_reason=True)
    retention.forget(store, prediction_id)
    with store.reading() as session:
        assert labels.corrections(session) == labels.history(session, sample_id) == []
        assert [(correction.value, correction.note) for correction in labels.every(session, sample_id)] == [("", "")]
    assert SECRET.encode() not in bytes_of(Path(store.place).parent)  # what was noted about it goes with it
    assert row_of(store, sample_id).state == "labelled"
    with pytest.raises(Conflict, match="deleted by its sender"):
        review_queue.correct(store, sentiment.TASKS, sample_id, "negative", "Ann")


def test_forgetting_twice_or_without_an_id_is_refused(store: Store) -> None:
    _, prediction_id = offer(store, sentiment.inputs())
    retention.forget(store, prediction_id)
    for unknown in (prediction_id, "guess", ""):
        with pytest.raises(UnknownName, match="Nothing is kept"):
            retention.forget(store, unknown)


def test_a_forgotten_input_that_is_sent_again_is_content_again(store: Store) -> None:
    sample = sentiment.inputs()
    sample_id, prediction_id = offer(store, sample)
    review_queue.send(store, sample_id, "server")
    retention.forget(store, prediction_id)
    offer(store, sample)
    row = row_of(store, sample_id)
    assert (row.state, row.caption, row.forgotten_at) == ("queued", sample.text, None)
    assert row.prediction["explanation"] is not None


def test_a_confident_row_keeps_its_state_and_not_its_answer_when_its_last_sender_takes_it_back(store: Store) -> None:
    sample_id, one = offer(store, sentiment.inputs(), 0.9)
    _, other = offer(store, sentiment.inputs(), 0.9)
    retention.forget(store, one)
    assert row_of(store, sample_id).predicted_value == "positive"
    retention.forget(store, other)
    row = row_of(store, sample_id)
    assert (row.state, row.predicted_value, row.prediction) == ("unflagged", "", None)


def test_unanswered_samples_expire_and_answered_ones_stay(store: Store) -> None:
    waiting, _ = offer(store, sentiment.inputs("waits", seed=1))
    skipped, _ = offer(store, sentiment.inputs("skipped"))
    answered, _ = offer(store, sentiment.inputs("answered"))
    review_queue.skip(store, skipped, "Ann")
    review_queue.correct(store, sentiment.TASKS, answered, "negative", "Ann")
    later = now() + timedelta(days=31)
    assert retention.expire(store, 0, later, told_to=True) == 0
    assert retention.expire(store, 32, later, told_to=True) == 0
    assert retention.expire(store, 30, later, told_to=True) == 2
    assert retention.expire(store, 30, later, told_to=True) == 0
    assert [row_of(store, sample_id).has_content for sample_id in (waiting, skipped, answered)] == [False, False, True]
    assert media_of(store) == []


def test_a_disputed_answer_of_a_person_does_not_expire(store: Store) -> None:
    sample = sentiment.inputs("answered")
    sample_id, _ = offer(store, sample)
    review_queue.correct(store, sentiment.TASKS, sample_id, "negative", "Ann")
    offer(store, sample, suggested="neutral")
    assert retention.expire(store, 30, now() + timedelta(days=31), told_to=True) == 0
    review_queue.undo(store, "Ann")
    assert retention.expire(store, 30, now() + timedelta(days=31), told_to=True) == 1


def test_who_agrees_to_a_row_alone_keeps_nobodys_inputs_for_longer(store: Store) -> None:
    sample = sentiment.inputs()
    sample_id, _ = offer(store, sample, 0.4)
    agreed_at = row_of(store, sample_id).agreed_at
    offer(store, sample, 0.9)
    assert row_of(store, sample_id).agreed_at == agreed_at
    offer(store, sample, 0.4)
    assert row_of(store, sample_id).agreed_at > agreed_at


def test_many_expire_in_several_transactions(store: Store) -> None:
    with store.session() as session:
        session.add_all(sentiment.row(f"{number:064}") for number in range(201))
        session.commit()
    assert retention.expire(store, 30, now() + timedelta(days=31), told_to=True) == 201


def test_whoever_watches_expires_at_once_and_again_until_told_to_stop(store: Store) -> None:
    with store.session() as session:
        session.add_all([sentiment.row(at=now() - timedelta(days=31)), sentiment.row("1" * 64)])
        session.commit()
    stop = threading.Event()
    watching = threading.Thread(target=retention.keep_expiring, args=(store, 30, stop))
    watching.start()
    wait_until(lambda: not row_of(store, sentiment.NEVER).has_content)
    stop.set()
    watching.join(5)
    assert not watching.is_alive()


def test_whoever_watches_outlives_what_goes_wrong(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with store.session() as session:
        session.add_all([sentiment.row(at=now() - timedelta(days=31)), sentiment.row("1" * 64)])
        session.commit()
    stop, rounds = threading.Event(), list[None]()
    others = partial(rounds.append, None)  # what is kept elsewhere of samples is let go of all the same
    watching = threading.Thread(target=retention.keep_expiring, args=(store, 30, stop, 0.01, others))
    with closing(sqlite3.connect(store.place, isolation_level=None)) as other:
        other.execute("DROP TABLE moves")  # which every erasure is logged in
        watching.start()
        wait_until(lambda: caplog.messages and len(rounds) > 1)
    assert watching.is_alive()
    stop.set()
    watching.join(5)


def test_what_a_reader_kept_from_being_wiped_is_told_and_wiped_later(
    config: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    store = open_store(config, busy_ms=20)
    with closing(sqlite3.connect(store.place, isolation_level=None)) as reader:
        _, prediction_id = offer(store, sentiment.inputs(f"the {SECRET} sleeps"))
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM samples").fetchall()
        retention.forget(store, prediction_id)
        assert SECRET.encode() in bytes_of(config.home)
        assert store.place in caplog.text and "ten minutes" in caplog.text
    stop = threading.Event()
    watching = threading.Thread(target=retention.keep_expiring, args=(store, 30, stop, 0.01))
    watching.start()
    wait_until(lambda: SECRET.encode() not in bytes_of(config.home))
    stop.set()
    watching.join(5)
    store.close()


def test_files_that_no_row_needs_are_swept_once_they_are_old(store: Store) -> None:
    sample_id, _ = offer(store, sentiment.inputs(seed=1))
    needed = store.media / row_of(store, sample_id).image
    orphan, unfinished = needed.parent / "orphan.webp", needed.parent / "tmp.part"
    for path in (orphan, unfinished):
        path.write_bytes(b"x")
    retention.expire(store, 365)
    assert orphan.exists() and unfinished.exists()  # perhaps somebody is writing them
    age(orphan, unfinished, needed)
    retention.expire(store, 365)
    assert media_of(store) == [needed]


def age(*paths: Path) -> None:
    for path in paths:
        os.utime(path, (0, 0))
