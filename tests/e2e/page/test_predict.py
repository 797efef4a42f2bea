"""A visitor asks: by example, by file, by keyboard; and whatever is wrong is said in one sentence."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Route

from mmdemo import tasks
from mmdemo.errors import BadInput
from mmdemo.versions import sidecar
from mmdemo.versions.registry import SHIPPED
from tests.e2e.page.conftest import ANSWER_MS, PICTURE_CAPTION, Visitor

SENTIMENT = tasks.get("sentiment")
LABELS = list(SENTIMENT.label_names)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photograph that nobody kept before: one pixel is this test's own."""
    example = SENTIMENT.examples[1].image
    assert example is not None
    picture = Image.open(example).convert("RGB")
    picture.putpixel((0, 0), tuple(tmp_path.name.encode()[-3:]))
    picture.save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_an_example_is_answered_with_bars_facts_and_map(visit: Callable[..., Visitor]) -> None:
    page = visit().example(0).page
    assert page.inner_text(".mm-answer-name") in LABELS
    assert page.locator(".mm-bar-name").all_inner_texts() == LABELS
    kept = sidecar.read(SHIPPED / SENTIMENT.name).keeping(SENTIMENT, ("image", "text"))
    assert kept is not None and f"threshold {kept.threshold:.0%}".replace("%", " %") in page.inner_text(".mm-facts")
    assert "from picture and caption" in page.inner_text(".mm-facts")
    assert page.inner_text(".mm-words").split() == SENTIMENT.examples[0].text.split()
    assert page.inner_text(".mm-sentence").startswith(f"For {page.inner_text('.mm-answer-name')} spoke ")
    label = page.get_attribute(".mm-picture-map canvas", "aria-label")
    assert label is not None
    assert page.inner_text(".mm-sentence") in label


def test_all_of_it_stands_above_the_fold(visit: Callable[..., Visitor]) -> None:
    page = visit().example(0).page
    page.wait_for_selector(".mm-trusted", timeout=ANSWER_MS)
    boxes = [page.locator(selector).bounding_box() for selector in (".mm-input", ".mm-map")]
    bottoms = [box["y"] + box["height"] for box in boxes if box]
    assert len(bottoms) == 2
    assert max(bottoms) <= 800


def test_the_map_tells_the_number_of_what_is_pointed_at(visit: Callable[..., Visitor]) -> None:
    page = visit().example(0).page
    page.hover(".mm-word >> nth=1")
    assert page.inner_text(".mm-pointed").startswith(f"“{SENTIMENT.examples[0].text.split()[1]}”: ")
    page.hover(".mm-picture-map canvas", position={"x": 5, "y": 5})
    assert page.inner_text(".mm-pointed").startswith("row 1, column 1: ")
    page.focus(".mm-picture-map canvas")
    page.keyboard.press("ArrowRight")
    assert page.inner_text(".mm-pointed").endswith("× an even share")


def test_a_caption_is_text_whatever_it_says(visit: Callable[..., Visitor], photo: Path) -> None:
    caption = '<script>alert(1)</script> <img src=x onerror="alert(2)"> 🙂 你好 مرحبا'
    page = visit().choose(photo, caption).predict().page
    assert page.inner_text(".mm-words") == caption
    assert page.locator(".mm-words img, .mm-words script").count() == 0


def test_a_caption_alone_is_answered_and_said_to_be_alone(visit: Callable[..., Visitor]) -> None:
    page = visit().choose(caption="We love this wonderful day").predict().page
    assert "from the caption alone" in page.inner_text(".mm-facts")
    assert page.locator(".mm-picture-map").count() == 0


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("words.jpg", b"these are words", BadInput("not_an_image").sentence()),
        ("empty.png", b"", BadInput("image_empty").sentence()),
    ],
)
def test_a_file_that_is_no_picture_gets_one_sentence(
    visit: Callable[..., Visitor], tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    (tmp_path / name).write_bytes(content)
    visitor = visit().choose(tmp_path / name, "a caption").predict()
    assert visitor.problem == sentence
    assert visitor.page.locator(".mm-answer").count() == 0
    assert visitor.page.get_attribute(".mm-problem", "role") == "alert"


def test_a_file_beyond_the_limit_is_refused_before_it_is_sent(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(SENTIMENT.limits.image_bytes + 1_000_000)
    visitor = visit().choose(tmp_path / "huge.png").predict()
    assert visitor.problem == "The file has 26 MB; at most 25 MB are taken. Send a smaller one."
    assert not any("/upload" in url for url in visitor.asked)


def test_nothing_at_all_gets_a_sentence_and_the_page_goes_on(visit: Callable[..., Visitor]) -> None:
    visitor = visit().predict()
    assert visitor.problem == BadInput("nothing_given", known="picture, caption").sentence()
    assert visitor.choose(caption="We love it").predict().problem == ""


def test_on_a_phone_a_refusal_comes_into_view(visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": 390, "height": 667}).predict().page
    assert page.locator(".mm-problem").bounding_box()["y"] < 667


def test_an_answer_to_what_was_there_before_is_said_to_be_that(visit: Callable[..., Visitor]) -> None:
    visitor = visit().choose(caption="A lovely day").predict()
    assert visitor.page.is_hidden(".mm-stale")
    visitor.choose(caption="A lovely day?")
    assert visitor.page.is_visible(".mm-stale")
    visitor.page.click("[data-language=zh]")
    visitor.page.wait_for_selector(".mm-answer-name:has-text('积极')")  # the answer has come in that language
    assert visitor.page.is_visible(".mm-stale") and "输入已更改" in visitor.page.inner_text(".mm-stale")
    visitor.predict()
    visitor.page.wait_for_selector(".mm-stale", state="hidden")


def test_the_keyboard_alone_is_enough(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.focus(f"{PICTURE_CAPTION} textarea")
    page.keyboard.type("We are happy")
    page.keyboard.press("Control+Enter")
    visitor.wait()
    for _ in range(40):
        if page.evaluate("document.activeElement.dataset.do") == "dispute":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.suggest") in LABELS
    page.focus(".mm-tab[data-tab=predict]")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("[document.activeElement.dataset.tab, document.body.dataset.tab]") == ["review", "review"]


def test_every_focusable_thing_has_a_name_and_a_visible_ring(visit: Callable[..., Visitor]) -> None:
    page = visit().example(0).page
    page.focus("[data-language]")
    unnamed, ringless = [], []
    for _ in range(60):
        page.keyboard.press("Tab")
        said = page.evaluate(
            """() => { const e = document.activeElement, style = getComputedStyle(e);
            const label = e.labels?.[0]?.innerText || e.getAttribute('aria-label') || e.innerText;
            return [e.outerHTML.slice(0, 90), label, style.outlineStyle, parseFloat(style.outlineWidth)] }"""
        )
        if said[0].startswith("<body"):
            break
        unnamed += [said[0]] if not said[1] else []
        ringless += [said[0]] if said[2] == "none" or said[3] < 2 else []
    assert (unnamed, ringless) == ([], [])


def test_a_lost_connection_does_not_lose_the_answer(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    lost = []

    def lose_once(route: Route) -> None:
        lost.append(route.request.url)
        route.abort() if len(lost) == 1 else route.continue_()

    visitor.page.route("**/queue/data*", lose_once)
    assert visitor.choose(caption="We love it").predict().problem == ""
    assert len(lost) >= 2  # what comes after the answer may be among them


def test_a_full_line_is_said_in_a_sentence(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.page.route("**/queue/join*", lambda route: route.fulfill(status=503, json={"detail": "It is full."}))
    assert visitor.choose(caption="We love it").predict().problem == "It is full."
    visitor.page.unroute("**/queue/join*")
    visitor.page.route("**/queue/join*", lambda route: route.fulfill(status=503, body="as a proxy says"))
    assert visitor.choose(caption="We love it").predict().problem.startswith("Too many people are waiting.")


def test_the_place_in_line_is_said(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    place = 'data: {"msg": "estimation", "rank": 2, "queue_size": 3, "rank_eta": 12.3}\n\n'
    page.route("**/queue/data*", lambda route: route.fulfill(content_type="text/event-stream", body=place))
    said = page.evaluate_handle("new Set()")
    page.evaluate(
        """(said) => new MutationObserver(() => said.add(document.querySelector('.mm-progress-said').textContent))
        .observe(document.querySelector('.mm-progress-said'), { childList: true })""",
        said,
    )
    visitor.choose(caption="We love it")
    page.click("[data-do=predict]")
    line = "3 others are before you. An answer is expected in about 13 s."
    page.wait_for_function("([said, told]) => said.has(told)", arg=[said, line])
    page.click("[data-do=cancel]")


def test_a_model_that_is_still_loading_is_said_to_be(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.route("**/queue/data*", lambda route: None)
    page.route("**/run/page_ready", lambda route: route.fulfill(json={"data": [False]}))
    visitor.choose(caption="We love it")
    page.click("[data-do=predict]")
    page.wait_for_selector(".mm-progress-said:has-text('The model is loading')")
    page.click("[data-do=cancel]")


def test_cancel_stops_waiting_and_keeps_nothing(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.route("**/queue/data*", lambda route: None)  # never answered: somebody's long prediction is before us
    visitor.choose(caption="Forget this at once")
    page.click("[data-do=predict]")
    page.wait_for_selector(".mm-progress")
    with page.expect_response("**/run/page_cancel") as cleared:
        page.click("[data-do=cancel]")
    assert cleared.value.json()["data"] == [True]
    page.wait_for_selector("[data-do=predict]:enabled")
    assert visitor.problem == ""
    assert page.is_visible(".mm-nothing")
