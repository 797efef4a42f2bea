"""Who is a reviewer: pure facts about settings, headers and a typed key."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from mmdemo.errors import ManifestError, NotAllowed
from mmdemo.settings import Settings
from mmdemo.ui.callers import access, key_guesses
from mmdemo.ui.callers.key_guesses import Guesses
from mmdemo.values.review import Reason, Run, Status

HERE = {"host": "127.0.0.1:7860"}
LOOPBACK, KEYED = Settings(), Settings(review_key="Sësame 芝麻")
EVERYWHERE = Settings(server_name="0.0.0.0")


def refusal(settings: Settings, headers: dict[str, str], typed: str = "", **environment: str) -> str | None:
    """Return the key of the sentence with which the caller is turned away, None for a reviewer."""
    try:
        access.check(settings, headers, typed, environment)
    except NotAllowed as error:
        assert error.sentence("en") and error.sentence("zh")
        return error.key
    return None


@pytest.mark.parametrize(
    "host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860", "127.0.0.9", "a.localhost"]
)
def test_on_loopback_without_a_key_whoever_sits_there_is_a_reviewer(host: str) -> None:
    assert refusal(LOOPBACK, {"Host": host}) is None


@pytest.mark.parametrize("host", ["evil.example:7860", "127.0.0.1.evil.example", "", "[::1", "192.168.1.5:7860"])
def test_a_name_that_somebody_points_at_loopback_is_turned_away(host: str) -> None:
    assert refusal(LOOPBACK, {"host": host}) == "review_other_site"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://[bad"])
def test_a_page_of_another_site_cannot_act_through_its_visitors_browser(origin: str) -> None:
    assert refusal(LOOPBACK, {**HERE, "origin": origin}) == "review_other_site"
    assert refusal(LOOPBACK, {**HERE, "origin": "http://localhost:7860"}) is None


@pytest.mark.parametrize("name", ["0.0.0.0", "::", "192.168.1.5", "demo.example", ""])
def test_beyond_loopback_without_a_key_it_is_closed(name: str) -> None:
    assert refusal(Settings(server_name=name), HERE) == "review_closed"
    assert refusal(Settings(server_name=name), HERE, "guess") == "review_closed"


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "x-real-ip", "X-Forwarded-Host", "Via"])
def test_behind_a_proxy_on_this_machine_counts_as_beyond_loopback(header: str) -> None:
    assert refusal(LOOPBACK, {**HERE, header: "203.0.113.7"}) == "review_closed"


def test_a_space_and_a_shared_link_count_as_beyond_loopback() -> None:
    assert refusal(LOOPBACK, HERE, SPACE_ID="me/demo") == "review_closed"
    assert refusal(LOOPBACK, HERE, GRADIO_SHARE="True") == "review_closed"
    assert refusal(LOOPBACK, HERE, GRADIO_SHARE="False", SPACE_ID="") is None


@pytest.mark.parametrize("settings", [KEYED, dataclasses.replace(KEYED, server_name="0.0.0.0")])
def test_where_a_key_is_set_it_is_needed_everywhere(settings: Settings) -> None:
    key = settings.review_key
    assert refusal(settings, HERE) == "review_key_needed"
    assert refusal(settings, HERE, "sesame") == "review_key_wrong"
    assert refusal(settings, {**HERE, "x-review-key": "sesame"}) == "review_key_wrong"
    assert refusal(settings, HERE, f" {key}\n") is None
    assert refusal(settings, {"X-Review-Key": key.encode().decode("latin-1")}) is None  # as HTTP servers decode it
    assert refusal(settings, {**HERE, "x-forwarded-for": "203.0.113.7"}, key) is None


def test_a_blank_key_is_none() -> None:
    assert refusal(dataclasses.replace(EVERYWHERE, review_key="  "), HERE, "  ") == "review_closed"


def test_strangers_see_of_a_status_the_number_waiting_and_no_more() -> None:
    states = {"queued": 3, "sent": 1, "labelled": 7, "skipped": 2}
    run = Run("t", "failed", None, ("/home/me: no space",), {}, None, None, "", None, (Reason("status.night_failed"),))
    status = access.for_strangers(Status("t", states, {"a": 7}, {"Ann": 7}, (), None, run, 2, 20, 5, 3))
    assert status.states == {"queued": 3, "sent": 1}
    assert (status.by_label, status.by_annotator, status.answered_today, status.wrong_reason) == ({}, {}, 0, 0)
    assert status.last_retrain is not None and not status.last_retrain.reasons and not status.last_retrain.why


def test_strangers_read_a_verdict_without_the_samples_that_it_names() -> None:
    why = Reason("status.night_nothing_new"), Reason("status.night_left_out", {"count": 1, "samples": "5458"})
    run = Run("t", "done", "waiting", tuple(one.sentence() for one in why), {}, None, None, "", None, why)
    status = access.for_strangers(Status("t", {}, {}, {}, (), None, run, 2, 20, 5, 3))
    assert status.last_retrain is not None and status.last_retrain.why == why[:1]
    assert status.last_retrain.reasons == (why[0].sentence(),)


@pytest.mark.parametrize("key", ["", "   ", "twelve chars", "correct horse battery staple"])
def test_a_key_is_long_or_there_is_none(key: str) -> None:
    access.check_length(Settings(review_key=key))


@pytest.mark.parametrize("key", ["sesame", " eleven char ", "芝麻开门"])
def test_a_short_key_is_refused_and_not_said(key: str) -> None:
    with pytest.raises(ManifestError, match="it needs at least 12") as refusal:
        access.check_length(Settings(review_key=key))
    assert key.strip() not in refusal.value.sentence("en") + refusal.value.sentence("zh")


def asking(address: str, key: str = "", **headers: str) -> Any:
    sent = {**HERE, **headers, **({"x-review-key": key} if key else {})}
    return SimpleNamespace(headers=sent, client=SimpleNamespace(host=address))


def test_who_guesses_is_locked_out_and_the_right_key_works_from_elsewhere(caplog: pytest.LogCaptureFixture) -> None:
    settings = Settings(review_key="correct horse battery")
    now, door = [0.0], access.Door.of(settings)
    door = dataclasses.replace(door, guesses=Guesses(settings, lambda: now[0]))
    for number in range(5):
        assert not door.is_reviewer(asking("192.0.2.1", f"tried {number}"))
    with pytest.raises(NotAllowed) as refusal:
        door.admit(asking("192.0.2.1", settings.review_key))  # unheard
    assert refusal.value.key == "review_key_locked" and "Try again in 1 min" in refusal.value.sentence()
    assert door.is_reviewer(asking("192.0.2.2"), settings.review_key)
    now[0] = 61
    assert door.is_reviewer(asking("192.0.2.1", settings.review_key))
    assert not door.is_reviewer(asking("192.0.2.1", "tried again"))  # twice as long this time
    now[0] += 100
    assert not door.is_reviewer(asking("192.0.2.1", settings.review_key))
    now[0] += 21
    assert door.is_reviewer(asking("192.0.2.1", settings.review_key))
    assert "192.0.2.1" in caplog.text and "tried" not in caplog.text and len(caplog.records) == 3


def test_a_page_that_repeats_one_old_key_locks_nobody_out() -> None:
    settings = Settings(review_key="correct horse battery")
    door = access.Door.of(settings)
    for _ in range(100):
        assert not door.is_reviewer(asking("192.0.2.1"), "the key of last year")
        assert not door.is_reviewer(asking("192.0.2.1"))  # nothing typed is no guess
    assert door.is_reviewer(asking("192.0.2.1"), settings.review_key)


def test_callers_behind_a_trusted_proxy_are_locked_out_one_by_one() -> None:
    door = access.Door.of(Settings(review_key="correct horse battery", trusted_proxies="10.0.0.1"))
    for number in range(9):
        door.is_reviewer(asking("10.0.0.1", f"guess {number}", **{"x-forwarded-for": "192.0.2.1"}))
    right = door.settings.review_key
    assert not door.is_reviewer(asking("10.0.0.1", right, **{"x-forwarded-for": "192.0.2.1"}))
    assert door.is_reviewer(asking("10.0.0.1", right, **{"x-forwarded-for": "192.0.2.2"}))


def test_the_table_of_callers_is_bounded_and_forgets_after_a_day() -> None:
    now = [0.0]
    table = Guesses(Settings(wrong_keys=1), lambda: now[0])
    for number in range(key_guesses.MOST_CALLERS + 5):
        table.wrong(f"caller {number}", b"x")
    assert len(table._records) == key_guesses.MOST_CALLERS
    table.check("caller 0")  # dropped
    last = f"caller {key_guesses.MOST_CALLERS}"
    with pytest.raises(NotAllowed):
        table.check(last)
    for number in range(100):
        table.wrong(last, str(number).encode())
    now[0] += key_guesses.LONGEST_S + 1
    table.check(last)
    table.wrong(last, b"x")
    now[0] += 61  # as after a first wrong key
    table.check(last)


def test_guessing_can_be_left_unlocked() -> None:
    table = Guesses(Settings(wrong_keys=0))
    for number in range(100):
        table.wrong("caller", str(number).encode())
    table.check("caller")
