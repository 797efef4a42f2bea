"""Who is a reviewer: pure facts about settings, headers and a typed key."""

import dataclasses

import pytest

from mmdemo.errors import NotAllowed
from mmdemo.review import Reason, Run, Status
from mmdemo.settings import Settings
from mmdemo.ui import access

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
    seen = access.for_strangers(Status("t", states, {"a": 7}, {"Ann": 7}, (), None, run, 2, 20, 5, 3))
    assert seen.states == {"queued": 3, "sent": 1}
    assert (seen.by_label, seen.by_annotator, seen.answered_today, seen.wrong_reason) == ({}, {}, 0, 0)
    assert seen.last_retrain is not None and not seen.last_retrain.reasons and not seen.last_retrain.why


def test_a_wrong_guess_takes_its_time_and_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    assert not access.is_reviewer(KEYED, HERE, "sesame") and slept == [access.WRONG_KEY_S]
    assert not access.is_reviewer(KEYED, HERE) and len(slept) == 1  # nothing typed is no guess
    assert access.is_reviewer(KEYED, HERE, KEYED.review_key) and len(slept) == 1
