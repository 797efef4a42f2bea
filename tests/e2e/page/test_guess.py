"""An answer to what the model never met is only a guess, and no number says otherwise, wherever it stands."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.e2e.page.conftest import ANSWER_MS, Visitor

GERMAN = "Eine traurige Frau schaut aus dem Fenster in den Regen"
BADGE = {"en-US": "Only a guess", "zh-CN": "仅为猜测"}


def test_a_guess_has_no_bars_and_no_percentage_also_when_it_is_kept(
    visit: Callable[..., Visitor], new_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = visit().choose(caption=GERMAN).predict().page
    assert page.inner_text(".mm-badge").startswith(BADGE["en-US"])
    assert page.locator(".mm-answer .mm-bar").count() == 0
    assert "is only a guess" in page.inner_text(".mm-answer .mm-note >> nth=0")
    page.wait_for_selector(".mm-tools:not([hidden])", timeout=ANSWER_MS)
    with page.expect_download() as download:
        page.click("[data-keep=html]")
    kept = tmp_path / "kept.html"
    download.value.save_as(kept)
    alone = new_page()
    alone.goto(kept.as_uri())
    for card in (page.locator(".mm-answer"), alone.locator(".mm-answer")):
        said = re.sub(r"threshold \d+ %", "", card.inner_text())
        assert "%" not in said and "Only a guess" in said


def test_what_it_would_be_otherwise_is_only_a_guess_too(visit: Callable[..., Visitor]) -> None:
    page = visit().choose(caption=GERMAN).predict().page
    page.wait_for_selector(".mm-tools:not([hidden])", timeout=ANSWER_MS)
    page.click("[data-do=what-if]")
    page.click(".mm-word >> nth=1")
    page.wait_for_selector(".mm-then:not([hidden])", timeout=ANSWER_MS)
    assert "only a guess" in page.inner_text(".mm-then") and "%" not in page.inner_text(".mm-then")
    assert page.locator(".mm-now").count() == 0


@pytest.mark.parametrize("locale", BADGE)
def test_another_label_can_be_suggested_all_the_same(visit: Callable[..., Visitor], locale: str) -> None:
    page = visit(locale=locale).choose(caption=GERMAN).predict().page
    assert page.inner_text(".mm-badge").startswith(BADGE[locale])
    page.click("[data-do=dispute]")
    assert page.locator("[data-suggest]").count() == 2
