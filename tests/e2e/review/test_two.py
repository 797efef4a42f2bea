"""Two annotators before one queue, each in a browser of their own; and one who goes back to what was answered."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect

from tests.e2e.review.conftest import WAIT_MS, Annotator, Waiting, seed_again
from tests.serving import Server

FIRST, SECOND, THIRD, LAST = "The bus was late again", "Soup for lunch", "A letter from the bank", "An empty bench"
QUEUE = [Waiting(FIRST, 0.36), Waiting(SECOND, 0.38), Waiting(THIRD, 0.40), Waiting(LAST, 0.42)]
NAMED = "document.activeElement.className"


@pytest.fixture
def app(app: Server) -> Server:
    """The app over four samples that nobody has seen yet."""
    return seed_again(app, QUEUE)


@pytest.fixture
def client(app: Server) -> Iterator[Client]:
    client = Client(app.url, verbose=False)
    yield client
    client.close()


def row(page: Page, caption: str) -> str:
    return page.inner_text(f'.mm-rv-row:has-text("{caption}")')


def look_again(person: Annotator) -> None:
    """Turn away from the window and back, upon which the page looks at the queue again."""
    with person.page.expect_response("**/run/review_act"):
        person.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_two_at_once_are_given_different_samples_and_see_of_each_other(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    ann, bob = annotator(app.url, name="Ann"), annotator(app.url, name="Bob")
    ann.sees(FIRST)
    bob.sees(SECOND)
    assert "Ann is answering it" in row(bob.page, FIRST)
    bob.choose(FIRST)
    bob.is_told("You are given another one: Ann is answering it.")
    bob.sees(SECOND)
    claims = {row["claimed_by"]: row["claimed_until"] for row in client.predict(api_name="/queue")}
    assert {"Ann", "Bob", None} == set(claims) and claims["Ann"].endswith("+00:00")
    ann.press("2")
    ann.sees(THIRD)  # the one below was Bob's
    bob.press("3")
    bob.sees(LAST)
    ann.press("1")
    expect(ann.page.locator(".mm-rv-shown")).to_contain_text("Nothing is free", timeout=WAIT_MS)
    assert client.predict("sentiment", api_name="/status")["by_annotator"] == {"Ann": 2, "Bob": 1}


def test_whoever_turns_away_or_closes_the_page_frees_the_sample(
    app: Server, annotator: Callable[..., Annotator]
) -> None:
    ann, bob = annotator(app.url, name="Ann"), annotator(app.url, name="Bob")
    ann.sees(FIRST)
    ann.leave()
    bob.choose(FIRST)
    bob.sees(FIRST)
    ann.page.click('.mm-tab[data-tab="review"]')
    ann.is_told("Bob is answering it")
    ann.sees(SECOND)
    bob.page.goto("about:blank")
    expect(ann.page.locator(f'.mm-rv-row:has-text("{FIRST}")')).to_contain_text("Bob", timeout=WAIT_MS)
    deadline = 20
    while "answering" in row(ann.page, FIRST) and deadline:  # what the page sent while it went is on its way
        look_again(ann)
        deadline -= 1
    assert "answering" not in row(ann.page, FIRST)
    ann.choose(FIRST)
    ann.sees(FIRST)


def test_after_a_reload_the_same_sample_stands_there(app: Server, annotator: Callable[..., Annotator]) -> None:
    ann = annotator(app.url, name="Ann")
    ann.choose(SECOND)
    ann.sees(SECOND)
    session = ann.page.evaluate("sessionStorage.getItem('mmdemo.review_session')")
    ann.open()
    assert ann.page.evaluate("sessionStorage.getItem('mmdemo.review_session')") == session


def test_a_claim_that_ran_out_goes_to_the_next_and_the_sleeper_is_told(
    app: Server, annotator: Callable[..., Annotator]
) -> None:
    ann, bob = annotator(app.url, name="Ann"), annotator(app.url, name="Bob")
    ann.sees(FIRST)
    with closing(sqlite3.connect(app.home / "mmdemo.sqlite")) as database, database:  # as if five minutes had gone
        database.execute("UPDATE samples SET claimed_until = '2026-01-01 00:00:00' WHERE claimed_by = 'Ann'")
    bob.choose(FIRST)
    bob.sees(FIRST)
    look_again(ann)
    ann.is_told("Bob is answering it")
    ann.sees(SECOND)


def test_what_a_script_answered_meanwhile_is_told_with_its_answer(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    ann = annotator(app.url, name="Ann")
    ann.sees(FIRST)
    claimed = next(row["sample_id"] for row in client.predict(api_name="/queue") if row["claimed_by"] == "Ann")
    assert client.predict(claimed, "positive", "script", "", api_name="/correct")["label"] == "positive"
    ann.press("1")
    ann.is_told("script answered that one meanwhile: positive. Nothing of yours was stored for it.")
    ann.sees(SECOND)
    assert client.predict("sentiment", api_name="/status")["by_label"] == {"negative": 0, "neutral": 0, "positive": 1}


def test_the_name_is_asked_before_the_first_answer_and_remembered(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    ann = annotator(app.url, name=None)
    page = ann.page
    ann.sees(FIRST)
    for key in ("2", "s", "Enter"):
        page.keyboard.press(key)
        ann.is_told("First your name, then the answer.")
        assert "mm-rv-name" in page.evaluate(NAMED)
        page.keyboard.press("Escape")
        assert "mm-rv-shown" in page.evaluate(NAMED)
    assert client.predict("sentiment", api_name="/status")["by_annotator"] == {}
    page.keyboard.press("2")
    page.keyboard.type("Ann 2")  # digits are text here
    with page.expect_response("**/run/review_act"):
        page.keyboard.press("Enter")
    assert "mm-rv-shown" in page.evaluate(NAMED)
    ann.is_told("Thank you.")
    ann.sees(FIRST)
    ann.press("2")
    ann.is_told("You said neutral")
    assert client.predict("sentiment", api_name="/status")["by_annotator"] == {"Ann 2": 1}
    ann.open()
    assert page.input_value(".mm-rv-name") == "Ann 2"
    ann.press("s")
    ann.is_told("Skipped")


def test_what_was_skipped_comes_last_and_again(app: Server, annotator: Callable[..., Annotator]) -> None:
    ann = annotator(app.url, name="Ann")
    ann.press("s")
    ann.sees(SECOND)
    assert ann.page.inner_text(".mm-rv-waiting") == "3 waiting, 1 later"
    assert FIRST in ann.page.locator(".mm-rv-list li").last.inner_text()
    assert "after all others" in ann.page.inner_text(".mm-rv-later")
    ann.press("1", "1", "1")
    ann.sees(FIRST)
    assert "skipped before" in ann.page.inner_text(".mm-rv-facts")
    ann.press("1")
    expect(ann.page.locator(".mm-rv-shown")).to_contain_text("Nothing is waiting", timeout=WAIT_MS)


def test_a_copy_of_a_tab_is_given_a_sample_of_its_own(app: Server, annotator: Callable[..., Annotator]) -> None:
    ann = annotator(app.url, name="Ann")
    ann.sees(FIRST)
    with ann.page.expect_popup() as opened:  # which gets what the tab remembers, as a duplicate does
        ann.page.evaluate("window.open('/?tab=review')")
    copy = opened.value
    expect(copy.locator(".mm-rv-caption")).to_contain_text(SECOND, timeout=WAIT_MS)
    sessions = [page.evaluate("sessionStorage['mmdemo.review_session']") for page in (ann.page, copy)]
    assert len(set(sessions)) == 2
    ann.page.reload()  # not a copy: it goes on
    ann.sees(FIRST)
    assert ann.page.evaluate("sessionStorage['mmdemo.review_session']") == sessions[0]
    copy.close()


def test_ones_own_answers_are_opened_and_changed_and_the_history_is_kept(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    ann = annotator(app.url, name="Ann")
    page = ann.page
    ann.press("1", "s")
    ann.sees(THIRD)
    with page.expect_response("**/run/review_act"):
        page.click("[data-list=answered]")
    listed = page.locator(".mm-rv-list .mm-rv-row")
    expect(listed).to_have_count(2, timeout=WAIT_MS)
    assert [FIRST in text for text in listed.all_inner_texts()] == [False, True]
    assert "negative" in listed.last.inner_text() and "T" not in listed.last.locator("time").inner_text()
    page.wait_for_selector(".mm-rv-thumbnail img:not([hidden])")
    ann.choose(FIRST)
    ann.sees(FIRST)
    assert "your answer" in page.inner_text('.mm-rv-choice[data-label="negative"]')
    page.keyboard.press("Enter")
    ann.is_told("Choose a label to change your answer")
    ann.press("3")
    ann.is_told("Changed: your answer is positive now.")
    ann.sees(FIRST)
    assert client.predict("sentiment", api_name="/status")["by_label"]["positive"] == 1
    ann.press("z")  # back to what it was
    expect(page.locator('.mm-rv-choice[data-label="negative"]')).to_contain_text("your answer", timeout=WAIT_MS)
    assert client.predict("sentiment", api_name="/status")["by_label"]["negative"] == 1
    ann.choose(SECOND)
    ann.press("2")  # what was skipped is answered
    expect(listed.first).to_contain_text("neutral", timeout=WAIT_MS)
    ann.press("Escape")
    ann.sees(THIRD)  # it was kept meanwhile
    assert page.get_attribute("[data-list=queue]", "aria-pressed") == "true"
    assert client.predict("sentiment", api_name="/status")["by_annotator"] == {"Ann": 2}


def test_only_the_browser_that_answered_takes_an_answer_back(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    ann = annotator(app.url, name="Ann")
    ann.press("1")
    ann.sees(SECOND)
    other = annotator(app.url, name="Ann")  # somebody who types her name
    other.press("z")
    other.is_told("Nothing was answered under your name in this browser that could be taken back.")
    assert client.predict("Ann", api_name="/undo") == {"sample_id": None, "state": None}
    assert client.predict("sentiment", api_name="/status")["by_annotator"] == {"Ann": 1}
    ann.open()  # another visit of the same browser
    ann.press("z")
    ann.is_told("Taken back: here it is again.")
    ann.sees(FIRST)
    assert client.predict("sentiment", api_name="/status")["by_annotator"] == {}


def test_on_a_phone_the_name_stands_above_the_sample(app: Server, annotator: Callable[..., Annotator]) -> None:
    ann = annotator(app.url, name=None, viewport={"width": 390, "height": 844}, has_touch=True)
    page = ann.page
    name, sample = (page.locator(part).bounding_box() for part in (".mm-rv-you", ".mm-rv-sample"))
    assert name and sample and name["y"] + name["height"] <= sample["y"] and name["y"] < 300
    page.tap(".mm-rv-choice >> nth=1")
    assert "mm-rv-name" in page.evaluate(NAMED)
    for part in (".mm-rv-name", "text=First your name >> nth=0"):
        expect(page.locator(part)).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.click(".mm-rv-unfold")
    assert page.locator("[data-list=answered]").is_visible()
