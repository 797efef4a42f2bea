"""The page in both languages, both themes and on a phone."""

import io
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Page

from mmdemo import tasks
from tests.e2e.page.conftest import Visitor

# Returns [text, contrast] of every visible text on the page, its colour against the nearest opaque ground.
CONTRASTS = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const linear = [r, g, b].map((v) => v / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.querySelectorAll('.mm-part *')) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest('.mm-sr') || element.disabled) continue;
    const pair = [luminance(rgba(getComputedStyle(element).color)), luminance(ground(element))];
    const [dark, bright] = pair.sort((a, b) => a - b);
    found.push([element.textContent.trim().slice(0, 40), (bright + 0.05) / (dark + 0.05)]);
  }
  return found;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_contrast_aa(visit: Callable[..., Visitor], scheme: str) -> None:
    visitor = visit(color_scheme=scheme).example(0)
    page = visitor.page
    page.click("[data-do=dispute]")
    page.click("[data-do=kept]")
    contrasts = page.evaluate(CONTRASTS)
    visitor.choose(caption=" ")
    page.click("[data-do=clear]")
    visitor.predict()
    contrasts += page.evaluate(CONTRASTS)
    assert len(contrasts) > 40
    assert [entry for entry in contrasts if entry[1] < 4.5] == []


def colour(page: Page, selector: str, across: float, down: float = 0.5) -> tuple[int, ...]:
    """The colour that is painted at a place of an element, each way 0 … 1."""
    shown = Image.open(io.BytesIO(page.locator(selector).first.screenshot())).convert("RGB")
    return shown.getpixel((int(across * (shown.width - 1)), int(down * (shown.height - 1))))  # type: ignore[return-value]


def apart(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Are two colours told apart at sight?"""
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 150


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_under_forced_colours_bars_ticks_scores_and_what_is_chosen_remain(
    visit: Callable[..., Visitor], scheme: str
) -> None:
    page = visit(forced_colors="active", color_scheme=scheme).trusted().page
    page.mouse.move(0, 0)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(0, 0, 0)")  # they are forced

    assert apart(colour(page, ".mm-won .mm-track", 0.05), colour(page, ".mm-bar:not(.mm-won) .mm-track", 0.9))
    style = "getComputedStyle(document.querySelector('.mm-bars'))"
    tick = float(page.evaluate(f"parseFloat({style}.getPropertyValue('--mm-tick'))")) / 100
    ink = (0, 0, 0) if scheme == "light" else (255, 255, 255)
    for bar in (".mm-won .mm-track", ".mm-bar:not(.mm-won) .mm-track"):
        assert ink in [colour(page, bar, tick + step / 1000) for step in range(-6, 7)]
        assert ink not in [colour(page, bar, tick + 0.03 + step / 1000) for step in range(-6, 7)]
    assert apart(colour(page, ".mm-meter span", 0.5), colour(page, ".mm-meter", 0.02))
    for chosen, other in (
        (".mm-tab[aria-selected=true]", ".mm-tab[aria-selected=false]"),
        (".mm-tasks [aria-checked=true]", ".mm-tasks [aria-checked=false]"),
        (".mm-languages [aria-pressed=true]", ".mm-languages [aria-pressed=false]"),
    ):
        assert apart(colour(page, chosen, 0.5, 0.12), colour(page, other, 0.5, 0.12)), chosen
    words = [colour(page, f".mm-word >> nth={place}", 0.5, 0.1) for place in (1, 5)]  # for, against
    assert apart(*words) and words[0] != colour(page, ".mm-words", 0.99, 0.02)
    assert apart(
        colour(page, ".mm-play, .mm-legend:not([hidden]) .mm-swatch", 0.08), colour(page, ".mm-map", 0.5, 0.01)
    )
    page.focus(".mm-word")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".mm-pointed-at")  # it is drawn with the next frame
    assert page.evaluate("getComputedStyle(document.querySelector('.mm-pointed-at')).outlineStyle") == "solid"

    page.click("[data-tab=status]")
    page.wait_for_selector(".mm-st-track")
    assert page.evaluate("getComputedStyle(document.querySelector('.mm-st-track')).outlineStyle") == "solid"


def test_dark_follows_the_system(visit: Callable[..., Visitor]) -> None:
    grounds = [
        visit(color_scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    ]
    assert grounds == ["rgb(246, 245, 241)", "rgb(22, 21, 19)"]


def test_chinese_readers_meet_no_english(visit: Callable[..., Visitor]) -> None:
    visitor = visit(locale="zh-CN").example(0)
    page = visitor.page
    assert page.title() == "模型看到了什么？"
    assert visitor.answer == "积极"
    page.click("[data-do=dispute]")
    page.click("[data-do=kept]")
    caption = page.inner_text(".mm-words")
    shown = page.inner_text(".mm-part-header") + page.inner_text(".mm-part-predict")
    captions = [example.text for example in tasks.get("sentiment").examples]  # theirs stay as they are, whoever reads
    for own in (*captions, page.inner_text(".mm-facts"), "English", "HTML", "PNG", "JSON", "Ctrl + Enter"):
        shown = shown.replace(own, "")
    words = re.compile(r"[A-Za-z]{2,}")
    assert set(words.findall(shown)) - set(words.findall(caption)) == set()
    assert page.get_attribute("html", "lang") == "zh-CN"


def test_the_switch_changes_everything_and_is_remembered(visit: Callable[..., Visitor]) -> None:
    visitor = visit().example(0)
    page = visitor.page
    page.click("[data-language=zh]")
    page.wait_for_selector(".mm-answer-name:has-text('积极')")
    assert page.is_visible(".mm-input .mm-chosen img")
    assert page.evaluate("document.activeElement.dataset.language") == "zh"
    visitor.open().wait()
    assert visitor.answer == "积极"
    page.click("[data-language=en]")
    page.wait_for_selector(".mm-answer-name:has-text('positive')")


def test_on_a_phone_the_order_is_picture_caption_button_answer_map(visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": 390, "height": 844}).example(0).page
    order = [".mm-drop >> visible=true", "textarea >> visible=true", "[data-do=predict]", ".mm-answer", ".mm-map"]
    tops = [page.locator(selector).first.bounding_box()["y"] for selector in order]  # type: ignore[index]
    assert tops == sorted(tops)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_reduced_motion_is_respected(visit: Callable[..., Visitor]) -> None:
    page = visit(reduced_motion="reduce").page
    assert page.evaluate("getComputedStyle(document.querySelector('.mm-progress-bar span')).animationName") == "none"


def test_nothing_of_the_frameworks_own_look_is_left(visit: Callable[..., Visitor]) -> None:
    page = visit().page
    assert page.locator("footer >> visible=true").count() == 0
    assert "gradio" not in page.inner_text("body").lower()
    assert "Source Sans" not in page.evaluate("getComputedStyle(document.querySelector('.mm-predict')).fontFamily")
