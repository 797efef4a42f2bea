"""A doubtful answer asks, in one click, whether people may see it; the reply holds for the visit and can be changed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from mmdemo import tasks
from tests import serving
from tests.e2e.page.conftest import DIGITS, PICTURE_CAPTION, SPEECH, Visitor
from tests.e2e.page.test_looks import CONTRASTS
from tests.serving import Server

SHA256_DIGITS = 64
EXAMPLES = Path(tasks.__file__).parent / "examples"
SPEECH_FORM = f".mm-form[data-task={SPEECH}]"
QUESTION = "Not sure here. May people look at it and correct it?"


@pytest.fixture
def app(careful_app: Server) -> Server:
    return careful_app


def waits(app: Server, caption: str) -> bool:
    """Whether the caption stands in what the app keeps."""
    files = [path for path in app.home.rglob("*") if path.is_file()]
    return any(caption.encode() in path.read_bytes() for path in files)


def said(page: Page) -> str:
    """Return what the page says under its form of what becomes of doubtful samples."""
    return page.inner_text(".mm-consent-said").strip()


def test_without_a_reply_nothing_is_kept(visit: Callable[..., Visitor], app: Server) -> None:
    page = visit().choose(caption="kiwi").predict().page
    assert page.locator("input[type=checkbox]:checked").count() == 0
    assert said(page).startswith("Nothing is kept unless you say so.")
    assert "not kept yet" in page.inner_text(".mm-badge")
    assert page.locator("[data-do=forget]").count() == 0
    assert not waits(app, "kiwi")


def test_a_yes_is_one_click_and_keeps_the_answer_that_is_shown(visit: Callable[..., Visitor], app: Server) -> None:
    visitor = visit().choose(caption="heron").predict()
    page = visitor.page
    answers = [page.locator(".mm-bar").all_inner_texts(), page.inner_text(".mm-facts")]
    calls = len(visitor.asked)
    visitor.reply(True)
    assert not any("queue/join" in url and "page_predict" in url for url in visitor.asked[calls:])
    assert [page.locator(".mm-bar").all_inner_texts(), page.inner_text(".mm-facts")] == answers  # its latency, too
    assert "sent to people" in page.inner_text(".mm-badge")
    assert page.inner_text(".mm-thanks") == "Thank you. People will look at it."
    assert waits(app, "heron")
    visitor.choose(caption="egret").predict()
    assert page.locator("[data-agree]").count() == 0  # it holds for this visit
    assert waits(app, "egret") and said(page).startswith("You said yes for this visit")


def test_of_a_sure_answer_nothing_is_kept_and_nothing_asked(visit: Callable[..., Visitor], app: Server) -> None:
    visitor = visit().choose(caption="stork").predict().reply(True)
    page = listen(visitor, DIGITS).page
    assert page.locator("[data-agree], [data-do=forget]").count() == 0
    assert page.evaluate("Object.keys(JSON.parse(localStorage['mmdemo.kept'])).length") == 1


def test_a_no_holds_for_the_visit_until_its_visitor_wants_to_be_asked(
    visit: Callable[..., Visitor], app: Server
) -> None:
    visitor = visit().choose(caption="rail").predict().reply(False)
    page = visitor.page
    assert "Nothing of it is kept." in page.inner_text(".mm-thanks")
    visitor.open().wait()
    assert page.locator("[data-agree]").count() == 0 and said(page).startswith("You said no for this visit")
    visitor.choose(caption="coot").predict()
    assert page.locator("[data-agree]").count() == 0 and not waits(app, "coot")
    page.click("text=Ask me again")
    assert said(page).startswith("Nothing is kept unless you say so.")
    assert visitor.predict().page.locator("[data-agree]").count() == 2


def test_who_declined_is_asked_about_the_same_answer_once_they_want_to(
    visit: Callable[..., Visitor], app: Server
) -> None:
    visitor = visit().choose(caption="plover").predict().reply(False)
    visitor.page.click("text=Ask me again")
    visitor.page.wait_for_selector("[data-agree=yes]")
    visitor.reply(True)
    assert waits(app, "plover")


def test_a_reply_is_forgotten_with_the_visit(visit: Callable[..., Visitor]) -> None:
    visitor = visit().choose(caption="Who knows").predict().reply(True)
    other = visitor.page.context.new_page()
    other.goto(visitor.url)
    other.wait_for_selector(".mm-predict")
    assert said(other).startswith("Nothing is kept unless you say so.")


def test_the_question_is_announced_and_answered_by_keyboard(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.focus(f"{PICTURE_CAPTION} textarea")
    page.keyboard.type("Who knows")
    page.keyboard.press("Control+Enter")
    visitor.wait()
    live = page.locator(".mm-aloud[aria-live=polite]")
    expect(live).to_contain_text(QUESTION)
    for _ in range(40):
        if page.evaluate("document.activeElement.dataset.agree") == "yes":
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(live).to_have_text("Thank you. People will look at it.")
    assert page.evaluate("document.activeElement.textContent") == "Thank you. People will look at it."
    page.focus("text=Ask me again")
    page.keyboard.press("Enter")
    expect(page.locator(".mm-consent-said[role=status]")).to_contain_text("Nothing is kept unless you say so.")
    assert page.evaluate("document.activeElement.dataset.do") == "kept"  # what was pressed is gone


def test_on_a_phone_the_question_is_seen_at_once(visit: Callable[..., Visitor]) -> None:
    page = visit(viewport={"width": 390, "height": 844}).choose(caption="Who knows").predict().page
    for selector in (".mm-ask-question", "[data-agree=yes]", "[data-agree=no]"):
        box = page.locator(selector).bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= 844 and box["x"] + box["width"] <= 390


def test_the_question_is_asked_in_chinese(visit: Callable[..., Visitor]) -> None:
    visitor = visit(locale="zh-CN").choose(caption="Who knows").predict()
    assert "可以让人查看并纠正吗？" in visitor.page.inner_text(".mm-ask")
    assert visitor.reply(True).page.inner_text(".mm-thanks") == "谢谢。会有人查看它。"
    assert said(visitor.page).startswith("您在本次访问中已同意")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_question_is_read_easily(visit: Callable[..., Visitor], scheme: str) -> None:
    visitor = visit(color_scheme=scheme).choose(caption="Who knows").predict()
    contrasts = visitor.page.evaluate(CONTRASTS) + visitor.reply(True).page.evaluate(CONTRASTS)
    assert any(QUESTION.startswith(part) for part, _ in contrasts)
    assert [entry for entry in contrasts if entry[1] < 4.5] == []


def test_what_is_kept_is_said_before(visit: Callable[..., Visitor]) -> None:
    page = visit().choose(caption="Who knows").predict().page
    page.click("[data-do=read-kept]")
    kept = page.inner_text(".mm-kept")
    parts = (
        "if you say yes",
        "after 365 days",
        "people have answered stays",
        "file names",
        "30 minutes",
        "this browser",
    )
    for part in parts:
        assert part in kept
    assert "up to 20 % of sure answers" in said(page) and "2 % once 200 of them are checked" in kept
    assert page.evaluate("document.activeElement.id") == "mm-kept"


def test_after_deleting_nothing_of_what_was_sent_is_left_here_or_in_the_browser(
    visit: Callable[..., Visitor], app: Server, tmp_path: Path
) -> None:
    Image.effect_noise((320, 240), 90).convert("RGB").save(tmp_path / "mine.png")
    before = media(app)
    visitor = visit().choose(tmp_path / "mine.png", "bittern").predict().reply(True)
    page = visitor.page
    assert waits(app, "bittern") and len(media(app)) == len(before) + 1
    assert "bittern" in json.dumps(storage(page))
    page.click("[data-do=forget]")
    page.wait_for_selector(".mm-thanks:has-text('Deleted.')")
    assert not waits(app, "bittern") and media(app) == before
    assert uploads(app) == []
    assert page.input_value(f"{PICTURE_CAPTION} textarea") == ""
    assert page.is_hidden(f"{PICTURE_CAPTION} .mm-chosen")
    assert page.get_attribute(f"{PICTURE_CAPTION} .mm-chosen img", "src") is None
    left = storage(page)
    assert "bittern" not in json.dumps(left)
    assert json.loads(left["mmdemo.kept"]) == {} and json.loads(left["mmdemo.draft"])["captions"] == {}
    assert "bittern" not in page.content()
    assert said(page).startswith("Nothing is kept unless you say so.")  # and is asked about anew
    visitor.open()
    page.wait_for_selector(".mm-thanks:has-text('Deleted.')")
    assert "bittern" not in page.content() and page.input_value(f"{PICTURE_CAPTION} textarea") == ""


def test_an_upload_is_gone_as_soon_as_it_was_answered(
    visit: Callable[..., Visitor], app: Server, tmp_path: Path
) -> None:
    Image.effect_noise((200, 200), 50).convert("RGB").save(tmp_path / "mine.png")
    visit().choose(tmp_path / "mine.png", "A quiet afternoon").predict()
    assert uploads(app) == []


def test_a_sure_answer_that_is_drawn_asks_too_and_its_sound_goes_on_a_click(
    visit: Callable[..., Visitor], app: Server
) -> None:
    visitor = visit()
    page = visitor.page
    page.click(f".mm-tasks [data-task={SPEECH}]")
    page.set_input_files(f"{SPEECH_FORM} input[type=file]", EXAMPLES / "happy.ogg")
    visitor.predict()
    assert page.inner_text(".mm-ask-question").startswith("Sure here, but drawn at random for a check.")
    assert "above its threshold" in page.inner_text(".mm-badge")
    before = media(app)
    assert "drawn for a check: sent to people" in visitor.reply(True).page.inner_text(".mm-badge")
    assert len(media(app)) == len(before) + 1
    page.click("[data-do=forget]")
    page.wait_for_selector(".mm-thanks:has-text('Deleted.')")
    assert media(app) == before and uploads(app) == []
    assert page.is_hidden(f"{SPEECH_FORM} .mm-chosen")


def listen(visitor: Visitor, task: str) -> Visitor:
    """Try the first example of a task of sound."""
    visitor.page.click(f".mm-tasks [data-task={task}]")
    return visitor.example(0)


def media(app: Server) -> list[Path]:
    """Return the pictures and sounds that the app keeps."""
    return [path for path in (app.home / "media").rglob("*") if path.is_file()]


def uploads(app: Server) -> list[Path]:
    """Return what is left of uploads where Gradio puts them, the folders that it names by their content included."""
    [folder] = (path for path in Path(app.environment["TMPDIR"]).glob("mmdemo-uploads-*") if path.is_dir())
    return [path for path in folder.rglob("*") if path.is_file() or len(path.name) == SHA256_DIGITS]


def storage(page: Page) -> dict[str, str]:
    """Return all that the page has stored in its browser."""
    return page.evaluate("({ ...localStorage, ...sessionStorage })")


def test_among_colleagues_doubtful_samples_are_kept_unless_declined_and_the_page_says_so(
    new_page: Callable[..., Page], careful: dict[str, str], tmp_path: Path
) -> None:
    with serving.serve(tmp_path / "home", MMDEMO_KEEP_DOUBTFUL="unless_declined", **careful) as server:
        visitor = Visitor(new_page(), server.url).open()
        page = visitor.page
        assert "is kept so that people can correct it, unless you decline" in said(page)
        visitor.choose(caption="osprey").predict()
        assert page.locator("[data-agree]").count() == 0 and page.is_visible("[data-do=forget]")
        assert waits(server, "osprey")
        page.click("text=Keep nothing of mine")
        assert said(page).startswith("You declined")
        visitor.choose(caption="buzzard").predict()
        assert page.locator("[data-agree], [data-do=forget]").count() == 0
        other = page.context.new_page()  # a decline holds until it is changed
        other.goto(server.url)
        other.wait_for_selector(".mm-predict")
        assert said(other).startswith("You declined")
        assert not waits(server, "buzzard")
        page.click("text=Allow it again")
        visitor.choose(caption="harrier").predict()
        assert waits(server, "harrier") and visitor.errors == []
