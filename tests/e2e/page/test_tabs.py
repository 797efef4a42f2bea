"""What browsers bring along: words pasted with a picture of them, and tabs that are copies of others."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.e2e.page.conftest import PICTURE_CAPTION, Visitor

# As an office program puts it on the clipboard: the words, and a picture of them.
PASTE = """([target, words]) => {
  const clipboard = new DataTransfer();
  if (words) clipboard.setData("text/plain", words);
  clipboard.items.add(new File([new Uint8Array([137, 80, 78, 71])], "image.png", { type: "image/png" }));
  const event = new ClipboardEvent("paste", { clipboardData: clipboard, bubbles: true, cancelable: true });
  document.querySelector(target).dispatchEvent(event);
  return event.defaultPrevented;
}"""
CAPTION = f"{PICTURE_CAPTION} textarea"
CHOSEN = f"{PICTURE_CAPTION} .mm-chosen"


def paste(page: Page, target: str, words: str) -> bool:
    """Paste words and a picture, and tell whether the page took them itself."""
    return page.evaluate(PASTE, [target, words])


def test_words_that_come_with_a_picture_of_them_go_into_the_caption(visit: Callable[..., Visitor]) -> None:
    page = visit().page
    assert not paste(page, CAPTION, "Sales in May\n")  # the browser's own way puts them in
    assert paste(page, "body", "Sales in May\n")
    assert page.input_value(CAPTION) == "Sales in May"
    assert paste(page, "body", "and in June")
    assert page.input_value(CAPTION) == "Sales in May and in June"
    assert page.is_hidden(CHOSEN)


def test_a_picture_alone_goes_into_its_well(visit: Callable[..., Visitor]) -> None:
    page = visit().page
    assert paste(page, "body", "")
    expect(page.locator(CHOSEN)).to_be_visible()
    assert page.input_value(CAPTION) == ""


def test_a_copy_of_a_tab_leaves_its_answer_to_it(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    visitor.choose(caption="The train leaves at nine").predict()
    page, answer = visitor.page, visitor.answer
    with page.expect_popup() as opened:  # which gets what the tab remembers, as a duplicate does
        page.evaluate("window.open(location.href)")
    copy = opened.value
    copy.wait_for_selector(".mm-predict")
    expect(copy.locator(CAPTION)).to_have_value("The train leaves at nine")  # the words are the copy's too
    assert copy.locator(".mm-answer").count() == 0
    assert copy.evaluate("sessionStorage['mmdemo.token']") is None
    token = page.evaluate("sessionStorage['mmdemo.token']")
    copy.close()
    page.reload()
    visitor.wait()
    assert visitor.answer == answer
    assert page.evaluate("sessionStorage['mmdemo.token']") == token
