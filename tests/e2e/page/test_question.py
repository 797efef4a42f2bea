"""The page asks its question, shows an answered example at once, and says of each example what people say."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import expect

from mmdemo import tasks
from tests import serving
from tests.e2e.page.conftest import ANSWER_MS, PICTURE_CAPTION, Visitor
from tests.serving import Server

SENTIMENT, DIGITS = tasks.get("sentiment"), tasks.get("spoken_digits")
UNTRAINED = """
name = "weather"
title = { en = "Weather", zh = "天气" }
modalities = ["image"]
threshold = 0.6
labels = ["rain", "sun"]
[encoders.image]
type = "small_cnn"
[fusion]
type = "transformer"
"""
DROP = """([bytes, name, type, where]) => {
    const carried = new DataTransfer();
    carried.items.add(new File([Uint8Array.from(bytes)], name, { type }));
    const target = document.querySelector(where);
    for (const kind of ["dragover", "drop"]) {
        target.dispatchEvent(new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
    }
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real app, with one task more for which there is no model yet."""
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "weather.toml").write_text(UNTRAINED, "utf-8")
    with serving.serve(tmp_path_factory.mktemp("app") / "home", MMDEMO_TASK_DIR=str(folder)) as server:
        yield server


def test_every_task_asks_its_question_in_the_readers_language(visit: Callable[..., Visitor]) -> None:
    for language in ("en", "zh"):
        page = visit(locale=language).page
        for task in (SENTIMENT, DIGITS, tasks.get("speech_emotion")):
            page.click(f".mm-tasks [data-task={task.name}]")
            heading = page.get_by_role("heading", name=task.display_question(language))
            expect(heading).to_be_visible()
            assert heading.bounding_box()["y"] < page.locator(".mm-form:not([hidden])").bounding_box()["y"]


def test_on_arrival_an_example_stands_answered_and_nothing_is_stored(
    visit: Callable[..., Visitor], app: Server
) -> None:
    visitors = [visit(), visit()]
    for visitor in visitors:
        page = visitor.page
        page.wait_for_selector(".mm-answer", timeout=ANSWER_MS)
        assert page.inner_text(".mm-words").split() == SENTIMENT.examples[0].text.split()
        expect(page.locator(".mm-answer-head")).to_contain_text("an example; your answer will stand here")
        expect(page.locator("[data-example][aria-current=true]")).to_have_count(1)
        assert page.input_value(f"{PICTURE_CAPTION} textarea") == ""
        assert page.locator("[data-do=forget]:visible").count() == 0
        assert page.url == f"{app.url}/"
    assert sum(Client(app.url, verbose=False).predict("sentiment", api_name="/status")["states"].values()) == 0
    # An answer of one's own takes its place, and the example has no part in it.
    visitors[0].choose(caption="We love this wonderful day").predict()
    assert "from the caption alone" in visitors[0].page.inner_text(".mm-facts")


def test_examples_are_called_by_their_captions(visit: Callable[..., Visitor]) -> None:
    page = visit().page
    for example in SENTIMENT.examples:
        button = page.get_by_role("button", name=example.text, exact=True)
        expect(button).to_be_visible()
        assert button.inner_text().strip() == example.text


def test_of_each_example_the_page_says_whether_people_agree(visit: Callable[..., Visitor], app: Server) -> None:
    client = Client(app.url, verbose=False)
    visitor = visit()
    page = visitor.page
    for number, example in enumerate(SENTIMENT.examples):
        served = client.predict(
            "sentiment", handle_file(example.image), example.text, None, "none", False, api_name="/predict"
        )
        visitor.example(number)
        expect(page.locator(".mm-answer-name")).to_have_text(SENTIMENT.display(served["label"]))
        line = page.locator(".mm-expected")
        right = served["label"] == example.expected
        mark = "doubted" if served["flagged"] else "right" if right else "wrong"
        assert line.get_attribute("data-mark") == mark
        assert (f"say “{example.expected}”" in line.inner_text()) != right


def test_a_task_without_a_model_stands_in_review_alone(visit: Callable[..., Visitor]) -> None:
    page = visit().page
    page.wait_for_selector(".mm-tasks [data-task=weather]", state="hidden")
    page.goto(page.url + "?task=weather")
    expect(page.locator(".mm-form[data-task=sentiment]")).to_be_visible()
    assert page.locator(".mm-footer [data-card=weather]:visible").count() == 0
    page.click("[data-tab=review]")
    page.wait_for_selector(".mm-rv-desk:not([hidden])")
    assert "Weather" in page.inner_text(".mm-rv-task")


@pytest.mark.parametrize("where", [".mm-header", ".mm-results", f"{PICTURE_CAPTION} textarea", ".mm-footer"])
def test_a_picture_dropped_anywhere_is_taken(visit: Callable[..., Visitor], where: str) -> None:
    page = visit().page
    picture = SENTIMENT.examples[0].image
    assert picture is not None
    page.evaluate(DROP, [list(picture.read_bytes()), "photo.webp", "image/webp", where])
    expect(page.locator(f"{PICTURE_CAPTION} .mm-chosen img")).to_be_visible()
    assert page.locator(".mm-over").count() == 0


def test_what_the_chosen_task_does_not_take_goes_to_one_that_does(visit: Callable[..., Visitor]) -> None:
    page = visit().page
    picture, sound = SENTIMENT.examples[0].image, DIGITS.examples[0].audio
    assert picture is not None and sound is not None
    page.evaluate(DROP, [list(sound.read_bytes()), "word.flac", "audio/flac", ".mm-results"])
    expect(page.locator(".mm-form:not([hidden]) .mm-chosen audio")).to_be_visible()
    page.click("[data-tab=status]")
    page.evaluate(DROP, [list(picture.read_bytes()), "photo.webp", "image/webp", ".mm-status"])
    expect(page.locator(f"{PICTURE_CAPTION} .mm-chosen img")).to_be_visible()


def test_focus_stays_where_it_was_after_a_file_is_chosen(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    page = visit().page
    button = page.locator(f"{PICTURE_CAPTION} [data-do=choose]")
    button.focus()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(str(SENTIMENT.examples[0].image))
    expect(page.locator(f"{PICTURE_CAPTION} .mm-chosen img")).to_be_visible()
    expect(button).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the button beside it takes the picture out again
    expect(page.locator(f"{PICTURE_CAPTION} .mm-chosen")).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_header_stays_on_one_line(visit: Callable[..., Visitor], language: str) -> None:
    page = visit(locale=language).page
    page.evaluate("mmdemo.badge('review', 1234)")
    parts = page.evaluate("""[...document.querySelectorAll('.mm-header > *')].map((part) => {
        const { top, bottom } = part.getBoundingClientRect();
        return [top, bottom, part.scrollWidth - part.clientWidth];
    })""")
    assert max(top for top, _, _ in parts) < min(bottom for _, bottom, _ in parts)
    assert max(bottom - top for top, bottom, _ in parts) < 45
    assert [cut for _, _, cut in parts if cut > 0] == []


def test_cards_are_of_one_width_on_a_small_phone(visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": 320, "height": 640}).page
    page.wait_for_selector(".mm-trusted", timeout=ANSWER_MS)
    widths = page.evaluate("[...document.querySelectorAll('.mm-predict .mm-card')].map((card) => card.offsetWidth)")
    assert {width for width in widths if width} == {320 - 2 * 16}
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_the_log_holds_no_bars(visit: Callable[..., Visitor], app: Server) -> None:
    visit().page.wait_for_selector(".mm-answer", timeout=ANSWER_MS)
    assert not re.search(r"Loading weights|it/s|%\|", app.log.read_text())
