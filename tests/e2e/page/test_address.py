"""What is shown has an address: Back, reload and a link lead to it; a kept answer's only for who may see it."""

import re
from collections.abc import Callable, Iterator

import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect

from mmdemo import tasks
from mmdemo.errors import NotAllowed
from mmdemo.locale import text
from tests import serving
from tests.e2e.page.conftest import ANSWER_MS, Visitor
from tests.serving import Server

KEY = "only-for-reviewers"
CLOSED = {language: NotAllowed("answer_closed").sentence(language) for language in ("en", "zh")}


@pytest.fixture(scope="module")
def app(careful: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real app, which doubts every caption, and whose reviewers have a key: nobody else is one."""
    with serving.serve(tmp_path_factory.mktemp("app") / "home", MMDEMO_REVIEW_KEY=KEY, **careful) as server:
        yield server


def kept(visitor: Visitor, caption: str) -> str:
    """Have a caption answered and kept, and return its address."""
    visitor.choose(caption=caption).predict().reply(True)
    visitor.page.wait_for_url(re.compile(r"[?&]answer=[0-9a-f]{64}"))
    return visitor.page.url


def shown(page: Page) -> str:
    return page.evaluate("document.body.dataset.tab")


def test_tabs_and_tasks_have_an_address_that_back_and_reload_find(visit: Callable[..., Visitor]) -> None:
    page = visit().page
    page.click(".mm-tasks [data-task=spoken_digits]")
    page.click("[data-tab=review]")
    page.click("[data-tab=status]")
    page.click(".mm-status [data-task=speech_emotion]")
    assert page.url.endswith("/?tab=status&task=speech_emotion")
    page.reload()
    page.wait_for_selector(".mm-status [data-task=speech_emotion][aria-pressed=true]")
    places = []
    for _ in range(4):
        page.go_back()
        page.wait_for_timeout(100)
        places.append((shown(page), page.url.partition("/?")[2]))
    assert places == [
        ("status", "tab=status"),
        ("review", "tab=review"),
        ("predict", "task=spoken_digits"),
        ("predict", ""),
    ]
    assert page.is_visible(".mm-form[data-task=sentiment]")
    page.go_forward()
    expect(page.locator(".mm-form[data-task=spoken_digits]")).to_be_visible()


def test_a_link_opens_its_tab_and_its_task(visit: Callable[..., Visitor], app: Server) -> None:
    page = visit().page
    page.goto(f"{app.url}/?task=spoken_digits")
    expect(page.locator(".mm-question:not([hidden])")).to_have_text(tasks.get("spoken_digits").display_question())
    page.goto(f"{app.url}/?tab=nowhere&task=nothing")
    expect(page.locator(".mm-form:not([hidden])")).to_have_count(1)
    assert shown(page) == "predict"


def test_back_leads_to_the_answer_before_with_what_was_asked(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    visitor.choose(caption="A lovely day at the sea").predict()
    visitor.choose(caption="What a terrible mess").predict()
    expect(page.locator(".mm-words")).to_have_text("What a terrible mess")
    page.go_back()
    expect(page.locator(".mm-words")).to_have_text("A lovely day at the sea", timeout=ANSWER_MS)
    assert page.input_value(".mm-form[data-task=sentiment] textarea") == "A lovely day at the sea"
    assert page.is_hidden(".mm-stale")
    page.reload()
    expect(page.locator(".mm-words")).to_have_text("A lovely day at the sea", timeout=ANSWER_MS)
    page.go_forward()
    expect(page.locator(".mm-words")).to_have_text("What a terrible mess", timeout=ANSWER_MS)
    assert "answer=" not in page.url  # nothing was kept


def test_a_kept_answer_opens_again_for_its_sender_long_after_the_visit(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    address = kept(visitor, "of the of the zanzibar of a")
    ids = page.evaluate("Object.keys(JSON.parse(localStorage['mmdemo.kept']))")
    assert ids and all(one not in address for one in ids)
    # Another tab of the same browser: no token of this visit is known there.
    other = page.context.new_page()
    other.goto(address)
    other.wait_for_selector(".mm-answer", timeout=ANSWER_MS)
    expect(other.locator(".mm-words")).to_have_text("of the of the zanzibar of a")
    assert other.is_visible("[data-do=forget]")
    other.click("[data-do=forget]")
    other.wait_for_selector(".mm-thanks:has-text('Deleted.')")
    assert "answer=" not in other.url
    other.goto(address)
    expect(other.locator(".mm-problem")).to_have_text(CLOSED["en"], timeout=ANSWER_MS)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_somebody_elses_browser_reads_a_sentence_and_nothing_else(visit: Callable[..., Visitor], language: str) -> None:
    caption = f"zanzibar of the of my secret {language}"
    address = kept(visit(), caption)
    stranger = visit(locale=language)
    sentences: list[str] = []
    stranger.page.on("response", lambda one: sentences.append(one.url) if "/run/page_open" in one.url else None)
    stranger.page.goto(address)
    expect(stranger.page.locator(".mm-problem")).to_have_text(CLOSED[language], timeout=ANSWER_MS)
    assert sentences and "secret" not in stranger.page.content()
    unknown = address[:-6] + "000000"
    stranger.page.goto(unknown)  # what was never sent is told by the same sentence
    expect(stranger.page.locator(".mm-problem")).to_have_text(CLOSED[language], timeout=ANSWER_MS)


def test_nobody_calls_it_past_the_page_either(visit: Callable[..., Visitor], app: Server) -> None:
    visitor = visit()
    sample = kept(visitor, "zanzibar of the the secret of").rpartition("answer=")[2]
    key = visitor.page.evaluate("JSON.parse(localStorage['mmdemo.view_keys'])")[sample][0]
    prediction_id = visitor.page.evaluate("Object.keys(JSON.parse(localStorage['mmdemo.kept']))[0]")
    call = """async ([token, sample, keys]) => {
        try { return await mmdemo.call("page_open", [token, sample, keys, ""]) } catch (error) { return error.message }
    }"""
    stranger = visit().page
    for keys in ([], ["0" * 64], [prediction_id], [sample]):
        assert stranger.evaluate(call, ["e" * 32, sample, keys]) == CLOSED["en"]
    assert stranger.evaluate(call, ["e" * 32, sample, [key]]) is True
    opened = stranger.evaluate("mmdemo.call('page_recall', ['" + "e" * 32 + "'])")
    assert opened["prediction_id"] is None and prediction_id not in str(opened)  # looking is no right to delete
    client = Client(app.url, verbose=False)
    assert "/page_open" not in client.view_api(return_format="dict")["named_endpoints"]


def test_a_reviewer_opens_it_after_typing_the_key(visit: Callable[..., Visitor]) -> None:
    address = kept(visit(), "zanzibar of the of the the")
    page = visit().page
    page.goto(address)
    expect(page.locator(".mm-problem")).to_have_text(CLOSED["en"], timeout=ANSWER_MS)
    page.click("[data-tab=review]")
    page.fill(".mm-rv-closed input", KEY)
    page.click(".mm-rv-closed [type=submit]")
    page.wait_for_selector(".mm-rv-desk:not([hidden])")
    page.goto(address)
    expect(page.locator(".mm-words")).to_have_text("zanzibar of the of the the", timeout=ANSWER_MS)
    assert page.is_hidden("[data-do=forget]")
    assert page.input_value(".mm-form[data-task=sentiment] textarea") == ""


def test_review_names_task_and_question_and_asks_about_one_task_alone(visit: Callable[..., Visitor]) -> None:
    kept(visit(), "zanzibar of the of the the the")
    page = visit().page
    page.goto(page.url + "?tab=review&task=sentiment")
    page.fill(".mm-rv-closed input", KEY)
    page.click(".mm-rv-closed [type=submit]")
    task = tasks.get("sentiment")
    expect(page.locator(".mm-rv-asks")).to_have_text(task.display_question())
    expect(page.locator(".mm-rv-task-title")).to_have_text(task.display_title())
    page.select_option(".mm-rv-task", "spoken_digits")
    expect(page.locator(".mm-rv-empty")).to_be_visible()
    assert page.url.endswith("?tab=review&task=spoken_digits")
    page.go_back()
    expect(page.locator(".mm-rv-asks")).to_have_text(task.display_question())
    assert page.input_value(".mm-rv-task") == "sentiment"


def test_the_foot_leads_to_card_licence_interface_source_and_what_is_kept(
    visit: Callable[..., Visitor], app: Server
) -> None:
    page = visit().page
    links = {link.inner_text(): link.get_attribute("href") for link in page.locator(".mm-footer a").all()}
    assert len(links) == 3 + 3  # a card a task
    read = {name: page.request.get(f"{app.url}/{href}") for name, href in links.items()}
    assert {answer.status for answer in read.values()} == {200}
    assert read["Model card: Sentiment"].text().startswith("# Sentiment")
    assert "research" in read[text("common.weights_licence")].text()
    assert "/predict(task, image=None" in read[text("common.api")].text() and app.url in read[text("common.api")].text()
    assert read[text("common.source")].body().startswith(b"PK")
    page.click("[data-tab=status]")
    page.click("[data-do=show-kept]")
    expect(page.locator(".mm-kept")).to_be_visible()
