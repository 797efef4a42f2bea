"""The page in both languages, both themes and on a phone."""

import re
from collections.abc import Callable

import pytest

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
    for own in (page.inner_text(".mm-facts"), "English", "HTML", "PNG", "JSON", "Ctrl + Enter"):
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
