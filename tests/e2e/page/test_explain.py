"""The map in a real browser: hover, pin, switch, play, strike, mute and keep."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page

from tests.e2e.page.conftest import ANSWER_MS, Visitor

WORD = ".mm-word >> nth={}"
CANVAS = ".mm-map canvas"
GROUNDS = "[...document.querySelectorAll('.mm-word')].map((word) => word.style.background)"
PICTURE = "document.querySelector('.mm-map canvas').toDataURL()"
# Grey values of the map's canvas and of the picture under it, of every 997th pixel.
BOTH = """async () => {
  const canvas = document.querySelector('.mm-map canvas');
  const picture = new Image();
  picture.src = document.querySelector('.mm-picture-map').dataset.picture;
  await picture.decode();
  const greys = (drawn) => {
    const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
    pen.drawImage(drawn, 0, 0, canvas.width, canvas.height);
    const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: data.length / 4 / 997 }, (_, at) => {
      return (data[4 * 997 * at] + data[4 * 997 * at + 1] + data[4 * 997 * at + 2]) / 3;
    });
  };
  return [greys(canvas), greys(picture)];
}"""
# Paints a made-up map over a picture of one colour: its left half for, its right half against. Returns the pixels
# around the middle of each, and along the upper edge of each, as "r g b".
MADE_UP = """(colour) => {
  const made = (width, height) => Object.assign(document.createElement('canvas'), { width, height });
  const [shown, layer] = [made(600, 200), made(600, 200)];
  const shares = [8, 8, 8, -8, -8, -8];
  mmdemo.veil.paint(layer, { rows: 1, columns: 6 }, (x, y) => [x * 100, y * 200], { shares, signed: true }, 1);
  const pen = shown.getContext('2d');
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 600, 200);
  pen.drawImage(layer, 0, 0);
  const pixels = (...box) => {
    const { data } = pen.getImageData(...box);
    return Array.from({ length: data.length / 4 }, (_, at) => data.slice(4 * at, 4 * at + 3).join(' '));
  };
  return {
    towards: pixels(130, 80, 40, 40), against: pixels(430, 80, 40, 40),
    solid: pixels(100, 1, 100, 1), dashed: pixels(400, 1, 100, 1),
  };
}"""
STRENGTH = ".mm-map .mm-strength input"
PRESSED = "[...document.querySelectorAll('.mm-word')].map((word) => word.getAttribute('aria-pressed')).indexOf('true')"


@pytest.fixture
def explained(visit: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """`explained(task="speech_emotion", …)`: a visitor before the map of an example, with all that comes after it."""

    def make(task: str = "sentiment", **options: object) -> Visitor:
        visitor = visit(**options)
        visitor.page.click(f".mm-tasks [data-task={task}]")
        visitor.example(0)
        visitor.page.wait_for_selector(".mm-tools:not([hidden])", timeout=ANSWER_MS)
        return visitor

    return make


def settled(page: Page, expression: str) -> object:
    """What a script says once the frame is painted."""
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.evaluate(expression)


def test_a_word_lights_the_regions_that_it_met_and_a_region_the_words(explained: Callable[..., Visitor]) -> None:
    visitor = explained()
    page, asked = visitor.page, len(visitor.asked)
    page.mouse.move(0, 0)
    picture, words = settled(page, PICTURE), settled(page, GROUNDS)
    page.hover(WORD.format(1))
    lit = settled(page, PICTURE)
    assert lit != picture and settled(page, GROUNDS) == words
    page.hover(WORD.format(6))
    assert settled(page, PICTURE) not in (lit, picture)
    page.hover(CANVAS, position={"x": 60, "y": 60})
    assert settled(page, GROUNDS) != words
    page.mouse.move(0, 0)
    assert (settled(page, PICTURE), settled(page, GROUNDS)) == (picture, words)
    calls = [
        url for url in visitor.asked[asked:] if "weigh" not in url and "queue" not in url and "heartbeat" not in url
    ]
    assert [url for url in calls if url.startswith("http")] == []


def test_what_is_pinned_stays_until_escape(explained: Callable[..., Visitor]) -> None:
    page = explained().page
    page.click(WORD.format(1))
    page.mouse.move(0, 0)
    pinned = settled(page, PICTURE)
    assert page.inner_text(".mm-pointed").startswith("Pinned: “proud”. It met row ")
    page.hover(WORD.format(6))
    page.mouse.move(0, 0)
    assert settled(page, PICTURE) == pinned and settled(page, PRESSED) == 1
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    assert settled(page, PICTURE) != pinned and settled(page, PRESSED) == -1


def test_everything_can_be_pinned_by_keyboard_alone(explained: Callable[..., Visitor]) -> None:
    page = explained().page
    page.focus(WORD.format(0))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert settled(page, PRESSED) == 1
    page.keyboard.press("Space")
    assert settled(page, PRESSED) == -1
    page.focus(CANVAS)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    assert "Pinned: row" in str(settled(page, "document.querySelector('.mm-pointed').textContent"))
    page.keyboard.press("Escape")
    assert "Pinned" not in page.inner_text(".mm-pointed")


def test_method_and_class_switch_at_once_and_the_sentence_follows(explained: Callable[..., Visitor]) -> None:
    visitor = explained()
    page = visitor.page
    first = settled(page, GROUNDS), page.inner_text(".mm-sentence")
    page.select_option("[data-pick=why]", label="why positive rather than neutral")
    rather = settled(page, GROUNDS), page.inner_text(".mm-sentence")
    assert "positive rather than neutral" in rather[1] and rather[0] != first[0]
    page.select_option("[data-pick=method]", label="attention")
    assert page.inner_text(".mm-sentence").startswith("It looked ")
    assert page.inner_text(".mm-sentence") in str(page.get_attribute(CANVAS, "aria-label"))
    assert page.is_visible(".mm-legend:not([data-signed])") and page.is_hidden(".mm-legend[data-signed]")
    whole = settled(page, GROUNDS)
    page.select_option("[data-pick=layer]", label="layer 1")
    page.select_option("[data-pick=head]", label="head 2")
    assert settled(page, GROUNDS) != whole
    assert len([url for url in visitor.asked if "page_study" in url]) <= 1
    page.click("[data-language=zh]")
    page.wait_for_selector(".mm-tools:not([hidden])", timeout=ANSWER_MS)
    page.select_option("[data-pick=why]", label="为什么是积极而不是中性")
    assert page.inner_text(".mm-sentence").startswith("支持“积极而不是中性”")


def test_what_decided_it_and_whether_to_trust_the_map_arrive_later(explained: Callable[..., Visitor]) -> None:
    page = explained().page
    page.wait_for_selector(".mm-trusted", timeout=ANSWER_MS)
    assert page.locator(".mm-meters dt").all_inner_texts() == ["picture", "caption"]
    assert all(text.endswith(" points") for text in page.locator(".mm-meters dd:last-child").all_inner_texts())
    said = page.inner_text(".mm-trust > p:last-child")
    doubted = page.locator(".mm-doubted").count() == 1
    assert said.startswith(("No:", "Not surely:") if doubted else ("Yes", "There are too few"))


def test_struck_words_and_regions_change_the_answer_beside_the_old_one(explained: Callable[..., Visitor]) -> None:
    page = explained().page
    before = page.locator(".mm-bar-percent").all_inner_texts()
    page.click("[data-do=what-if]")
    page.click(WORD.format(1))
    page.click(WORD.format(2))
    page.wait_for_selector(".mm-then:not([hidden])", timeout=ANSWER_MS)
    assert page.inner_text(".mm-then").startswith("Without it ")
    beside = page.locator(".mm-bar-percent").all_inner_texts()
    assert [text.split(" → ")[0] for text in beside] == before and all(" → " in text for text in beside)
    page.click("[data-drop=text]")
    page.wait_for_function("(old) => document.querySelector('.mm-bar-percent').textContent !== old", arg=beside[0])
    assert page.is_disabled("[data-drop=image]")
    page.click("[data-do=restore]")
    box = page.locator(CANVAS).bounding_box()
    assert box
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 10, box["y"] + 10, steps=12)
    page.mouse.up()
    page.wait_for_selector(".mm-then:not([hidden])", timeout=ANSWER_MS)
    page.keyboard.press("Escape")
    assert page.locator(".mm-bar-percent").all_inner_texts() == before
    assert page.is_hidden(".mm-then") and page.locator(".mm-struck").count() == 0


LISTENING = """() => {
    const sound = document.querySelector(".mm-sound-map audio");
    const button = document.querySelector("[data-do=play-mattered]");
    window.heard = [];
    sound.addEventListener("timeupdate", () => heard.push([sound.currentTime, button.getAttribute("aria-pressed")]));
}"""


def test_sound_plays_only_what_mattered_and_is_judged_without_it(explained: Callable[..., Visitor]) -> None:
    page = explained("speech_emotion").page
    page.evaluate(LISTENING)  # it may have ended before anybody looks
    page.click("[data-do=play-mattered]")
    page.wait_for_function("() => heard.some(([time, pressed]) => time > 0.1 && pressed === 'true')")
    page.click("[data-do=play-mattered]")
    page.wait_for_function("document.querySelector('.mm-sound-map audio').paused")
    page.click("[data-do=what-if]")
    page.click("[data-do=mute-mattered]")
    page.wait_for_selector(".mm-then:not([hidden])", timeout=ANSWER_MS)
    assert " → " in page.inner_text(".mm-bar-percent >> nth=0")


def test_an_orange_region_that_speaks_for_the_answer_looks_like_nothing_that_speaks_against(
    visit: Callable[..., Visitor],
) -> None:
    orange = (240, 166, 60)  # the colour of what speaks against
    looks = visit().page.evaluate(MADE_UP, f"rgb({orange[0]} {orange[1]} {orange[2]})")
    own = " ".join(map(str, orange))
    assert set(looks["towards"]) == {own}  # it keeps its colour, and nothing is drawn over it
    assert len(set(looks["against"])) > 5  # stripes, also where they have the picture's own colour
    assert set(looks["solid"]) == {"86 180 233"}
    dark = [sum(map(int, pixel.split())) < 200 for pixel in looks["dashed"]]
    assert 20 < sum(dark) < 80 and own in looks["dashed"]  # dashes, and between them their dark casing


def test_a_picture_stays_recognisable_under_its_map(explained: Callable[..., Visitor]) -> None:
    shown, picture = explained().page.evaluate(BOTH)
    assert np.corrcoef(shown, picture)[0, 1] > 0.9
    assert np.mean(shown) > 0.5 * np.mean(picture)


def test_the_maps_strength_is_set_by_keyboard_and_remembered_for_the_visit(explained: Callable[..., Visitor]) -> None:
    visitor = explained()
    page = visitor.page
    assert page.get_attribute(STRENGTH, "aria-valuetext") == "75 %"
    assert page.get_attribute(STRENGTH, "aria-label") == "How strongly the map lies over picture and sound"
    strong = settled(page, PICTURE)
    page.focus(STRENGTH)
    page.keyboard.press("ArrowLeft")
    assert page.input_value(STRENGTH) == "70"
    weaker = settled(page, PICTURE)
    page.keyboard.press("Home")
    bare = settled(page, PICTURE)
    assert len({strong, weaker, bare}) == 3
    shown, picture = page.evaluate(BOTH)
    assert np.abs(np.subtract(shown, picture)).mean() < 2  # of 255: the picture itself
    visitor.example(1)
    assert page.input_value(STRENGTH) == "0"
    visitor.open().wait()
    page.wait_for_selector(STRENGTH)
    assert page.input_value(STRENGTH) == "0"


def test_menus_that_would_change_nothing_are_not_shown(explained: Callable[..., Visitor]) -> None:
    visitor = explained("speech_emotion")  # whose fusion has one layer
    page = visitor.page
    assert page.is_hidden("[data-pick=layer]") and page.is_visible("[data-pick=head]")
    assert page.inner_text(".mm-pointed") == "Point at a moment to read its number."
    page.click(".mm-tasks [data-task=sentiment]")
    visitor.example(0)
    page.wait_for_selector(".mm-tools:not([hidden])", timeout=ANSWER_MS)
    assert page.is_visible("[data-pick=layer]")
    visitor.choose(caption=" ").predict()
    page.wait_for_selector(".mm-tools:not([hidden])", timeout=ANSWER_MS)
    methods = page.locator("[data-pick=method] option").all_inner_texts()
    assert len(set(methods)) == len(methods) and "word" not in "".join(methods)
    assert page.inner_text(".mm-pointed") == "Point at a region to see what it met."
    page.click("[data-do=what-if]")
    assert page.inner_text(".mm-pointed") == "Draw over the picture to leave regions out."


def test_the_map_is_kept_as_a_page_a_picture_or_figures(
    explained: Callable[..., Visitor], new_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = explained().trusted().page
    page.evaluate("document.querySelector('.mm-map').classList.remove('mm-doubted')")  # a doubted one is kept grey
    kept = {}
    for form in ("html", "png", "json"):
        with page.expect_download() as download:
            page.click(f"[data-keep={form}]")
        kept[form] = tmp_path / download.value.suggested_filename
        download.value.save_as(kept[form])
    fields = json.loads(kept["json"].read_text("utf-8"))
    assert fields["map"]["method"] and fields["model_version"] and isinstance(fields["trust"]["seed"], int)
    drawn = np.asarray(Image.open(io.BytesIO(kept["png"].read_bytes())).convert("RGB"))
    assert drawn.shape[1] == 960
    for line in ((86, 180, 233), (240, 166, 60)):  # in the legend they stand on paper, as they are
        assert (drawn == line).all(axis=2).sum() > 40
    edges = np.abs(np.diff(drawn.astype(int), axis=0)).sum(axis=(0, 2))
    assert (edges[40:470].mean() > 50) and (edges[490:920].mean() > 50)  # two pictures side by side
    alone = new_page()
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(kept["html"].as_uri())
    assert alone.inner_text(".mm-sentence") == page.inner_text(".mm-sentence")
    assert fields["model_version"] in alone.inner_text("main > .mm-facts")
    original, below, layer = alone.locator("figure img").all()
    assert original.evaluate("img => img.naturalWidth") > 100
    assert original.get_attribute("src") == below.get_attribute("src") != layer.get_attribute("src")
    assert original.bounding_box()["y"] == layer.bounding_box()["y"]  # type: ignore[index]  # beside one another
    opacity = "img => Number(getComputedStyle(img).opacity)"
    assert layer.evaluate(opacity) == 0.75 and alone.is_checked(".mm-steps [value='75']")
    for step in (0, 50, 100):
        alone.check(f".mm-steps [value='{step}']")
        assert layer.evaluate(opacity) == step / 100
    assert alone.is_visible(".mm-legend:has(.mm-swatch)")
    shades = "() => getComputedStyle(document.querySelector('.mm-legend:not([hidden]) > .mm-scale')).backgroundImage"
    assert alone.evaluate(shades) == page.evaluate(shades) and "rgb(86, 180, 233)" in alone.evaluate(shades)
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert alone.locator("script").count() == 0


def test_all_of_it_fits_on_a_phone(explained: Callable[..., Visitor]) -> None:
    page = explained(viewport={"width": 390, "height": 844}).page
    page.click("[data-do=what-if]")
    page.wait_for_selector(".mm-trusted", timeout=ANSWER_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
