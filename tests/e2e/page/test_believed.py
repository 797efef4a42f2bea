"""The badge opens how far its version can be believed, by mouse and keyboard, and asks the server once."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.e2e.page.conftest import Visitor

BADGE, PANEL = "button.mm-badge", "#mm-believed"


def test_the_badge_opens_both_curves_and_closes_them(visit: Callable[..., Visitor]) -> None:
    visitor = visit().choose(caption="a smiling child on a sunny beach").predict()
    page = visitor.page
    assert not any("page_curves" in asked for asked in visitor.asked)
    page.focus(BADGE)
    page.keyboard.press("Enter")
    expect(page.locator(f"{PANEL} svg[role=img]")).to_have_count(2)
    assert page.get_attribute(BADGE, "aria-expanded") == "true"
    assert "samples of dev.jsonl" in page.inner_text(PANEL)
    assert "are right" in (page.get_attribute(f"{PANEL} svg >> nth=0", "aria-label") or "")
    page.keyboard.press("Space")
    expect(page.locator(PANEL)).to_be_hidden()
    page.click(BADGE)
    expect(page.locator(PANEL)).to_be_visible()
    assert sum("page_curves" in asked for asked in visitor.asked) == 1
    assert visitor.errors == []
