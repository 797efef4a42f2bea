"""What a visitor sent stays the visitor's: seen by nobody else, remembered across a reload, taken back on a click."""

from collections.abc import Callable

import httpx
import pytest

from tests.e2e.page.conftest import PICTURE_CAPTION, Visitor
from tests.serving import Server

DOUBTFUL = "the the the of of of"


@pytest.fixture
def app(careful_app: Server) -> Server:
    """An app that doubts every picture and caption."""
    return careful_app


def test_an_answer_outlives_a_reload(visit: Callable[..., Visitor]) -> None:
    visitor = visit().example(0)
    before = visitor.answer, visitor.page.inner_text(".mm-sentence")
    visitor.open().wait()
    assert (visitor.answer, visitor.page.inner_text(".mm-sentence")) == before
    assert visitor.page.input_value(f"{PICTURE_CAPTION} textarea") == visitor.page.inner_text(".mm-words")
    assert visitor.page.is_visible(f"{PICTURE_CAPTION} .mm-chosen img")


def test_after_a_reload_the_same_picture_is_asked_about_with_another_caption(visit: Callable[..., Visitor]) -> None:
    visitor = visit().example(0).open().wait()
    visitor.choose(caption="Everything is lost").predict()
    assert visitor.page.inner_text(".mm-words") == "Everything is lost"
    assert "from picture and caption" in visitor.page.inner_text(".mm-facts")


def test_two_visitors_never_see_each_other(visit: Callable[..., Visitor]) -> None:
    one, other = visit(), visit()
    one.choose(caption="We love my secret").predict()
    assert "secret" not in other.page.content()
    other.choose(caption="A quiet afternoon").predict()
    other.open().wait()
    assert "secret" not in other.page.content()
    assert one.open().wait().page.inner_text(".mm-words") == "We love my secret"


def test_what_was_sent_is_taken_back_on_a_click(visit: Callable[..., Visitor]) -> None:
    visitor = visit().choose(caption=DOUBTFUL).predict().reply(True)
    page = visitor.page
    page.click("[data-do=forget]")
    page.wait_for_selector(".mm-thanks:has-text('Deleted.')")
    assert "Deleted." in page.inner_text(".mm-thanks")
    assert page.locator(".mm-map, [data-do=forget]").count() == 0
    visitor.open()
    page.wait_for_timeout(500)
    assert DOUBTFUL not in page.inner_text(".mm-results")


def test_what_was_sent_twice_is_taken_back_at_once(visit: Callable[..., Visitor], app: Server) -> None:
    caption = "of the of the zanzibar the of"
    visitor = visit().choose(caption=caption).predict().reply(True)
    page = visitor.page
    visitor.predict()  # what was said holds for this visit
    page.wait_for_function("Object.keys(JSON.parse(localStorage['mmdemo.kept'])).length === 2")
    assert waits(app, caption)
    page.click("[data-do=forget]")
    page.wait_for_selector(".mm-thanks:has-text('Deleted.')")
    assert not waits(app, caption)
    assert page.is_hidden("[data-do=forget-all]")


def test_what_was_sent_is_taken_back_after_the_server_has_forgotten_the_visit(
    visit: Callable[..., Visitor], app: Server
) -> None:
    caption = "of the of the quokka the of"
    page = visit().choose(caption=caption).predict().reply(True).page
    assert waits(app, caption)
    token = page.evaluate("sessionStorage['mmdemo.token']")
    page.evaluate("token => mmdemo.call('page_clear', [token])", token)  # as after half an hour, or a restart
    page.click("[data-do=forget]")
    page.wait_for_selector(".mm-thanks:has-text('Deleted.')")
    assert page.locator(".mm-map, .mm-problem:not([hidden])").count() == 0
    assert not waits(app, caption)


def test_everything_that_a_browser_sent_is_taken_back_on_a_click(visit: Callable[..., Visitor], app: Server) -> None:
    visitor = visit().choose(caption=f"{DOUBTFUL} wombat").predict().reply(True)
    page = visitor.choose(caption=f"{DOUBTFUL} emu").predict().page
    assert waits(app, "wombat") and waits(app, "emu")
    page.click("[data-do=kept]")
    page.click("[data-do=forget-all]")
    page.wait_for_selector(".mm-thanks:has-text('Deleted.')")
    assert page.locator(".mm-map, [data-do=forget]").count() == 0
    assert page.is_hidden("[data-do=forget-all]")
    assert not waits(app, "wombat") and not waits(app, "emu")
    page.click("[data-do=download]")  # the answer is still there, without what was sent
    assert page.locator(".mm-problem:not([hidden])").count() == 0


def waits(app: Server, caption: str) -> bool:
    """Whether the caption stands in what the app keeps."""
    files = [path for path in app.home.rglob("*") if path.is_file()]
    return any(caption.encode() in path.read_bytes() for path in files)


def test_a_refusal_is_said_again_in_the_other_language(visit: Callable[..., Visitor]) -> None:
    visitor = visit().predict()
    assert visitor.problem.startswith("Nothing was given")
    visitor.page.click("[data-language=zh]")
    visitor.page.wait_for_selector(".mm-problem:has-text('没有')")
    assert not any("a" <= sign.lower() <= "z" for sign in visitor.problem)


def test_nobody_gets_past_the_line(app: Server) -> None:
    body = {"data": ["sentiment", None, "We love it", None, "none", False]}
    assert httpx.post(f"{app.url}/gradio_api/run/predict", json=body).status_code == 404


def test_a_dispute_says_that_it_will_be_kept_and_thanks(visit: Callable[..., Visitor]) -> None:
    page = visit().choose(caption="We love this").predict().page
    page.click("[data-do=dispute]")
    assert "are then kept" in page.inner_text(".mm-dispute")
    choice = page.locator("[data-suggest]").first
    label = choice.inner_text()
    choice.click()
    page.wait_for_selector(".mm-thanks")
    assert f"“{label}”" in page.inner_text(".mm-thanks")
    page.click("[data-do=forget]")
    page.wait_for_selector(".mm-thanks:has-text('Deleted.')")
