"""Reviewing by keyboard alone, on the real app and its real store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from tests import number_kind
from tests.e2e.review.conftest import DIGITS, HEIGHTS, WAIT_MS, Annotator, Serve, Waiting, seed
from tests.serving import Server

CHECK = Waiting("Queue outside the bakery", 0.97, reason="audit")  # comes first, and is answered blind
QUEUE = [
    Waiting("Rain again, and the match was called off", 0.36),
    Waiting("First day at the new school", 0.38),
    Waiting("Say the word again", 0.40),
    Waiting("An answer of seven", 0.20, task="digits"),
    Waiting("Grandfather asleep in his chair", 0.50, suggested="positive"),
    Waiting("The tram came late again", 0.52),
    Waiting("A quiet afternoon", 0.54),
    Waiting("شمس على البحر 🙂 <script>alert(1)</script>", 0.56),
    Waiting("An answer of window", 0.21, task="digits"),
    Waiting("A bicycle against the wall", 0.59),
    Waiting("How high is the wall?", 0.595, task="heights", number=12.5),
]
NUMBER_APP = ("-m", "tests.number_app")


@pytest.fixture(scope="module")
def app(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("review")
    (folder / "tasks").mkdir()
    (folder / "tasks" / "digits.toml").write_text(DIGITS, encoding="utf-8")
    (folder / "tasks" / "heights.toml").write_text(HEIGHTS, encoding="utf-8")
    with number_kind.registered():
        seed(folder / "home", QUEUE, folder / "tasks")
    with serve(folder / "home", program=NUMBER_APP, MMDEMO_TASK_DIR=str(folder / "tasks")) as server:
        yield server


@pytest.fixture
def client(app: Server) -> Iterator[Client]:
    client = Client(app.url, verbose=False)
    yield client
    client.close()


def exported(app: Server, client: Client, task: str = "sentiment") -> dict[str, int]:
    """Return label → answers that count."""
    return {label: n for label, n in client.predict(task, api_name="/status")["by_label"].items() if n}


def choose(person: Annotator, caption: str) -> None:
    """Click a sample in the queue, and see it."""
    person.choose(caption)
    person.sees(caption)


def test_three_samples_by_keyboard_with_a_note_and_an_undo(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    person = annotator(app.url, name=None)
    page = person.page
    page.locator(".mm-rv-name").focus()
    page.keyboard.type("Ann")
    page.keyboard.press("Enter")  # back to the keys
    choose(person, QUEUE[0].caption)
    before = page.locator(".mm-rv-labels").bounding_box()
    person.press("2")
    person.sees(QUEUE[1].caption)
    person.is_told("You said neutral; the model had guessed negative, 36 %.")
    assert page.locator(".mm-rv-labels").bounding_box() == before  # nothing but the sample has moved
    page.keyboard.press("n")
    page.keyboard.type("1 s u z: keys are text here")
    page.keyboard.press("Enter")
    person.press("3")
    person.sees(QUEUE[2].caption)
    person.press("s")
    person.is_told("Skipped: it comes again after all others.")
    person.press("z")
    person.sees(QUEUE[2].caption)
    person.press("u")
    person.is_told("Marked as unsure.")
    person.press("z", "z")
    person.sees(QUEUE[1].caption)
    assert exported(app, client) == {"neutral": 1}
    person.press("3", "1")
    assert exported(app, client) == {"neutral": 1, "positive": 1, "negative": 1}
    assert client.predict("sentiment", api_name="/status")["by_annotator"] == {"Ann": 3}


def test_enter_confirms_a_visitors_suggestion(app: Server, annotator: Callable[..., Annotator], client: Client) -> None:
    person = annotator(app.url)
    choose(person, QUEUE[4].caption)
    assert "a visitor says so" in person.page.inner_text(".mm-rv-accept")
    before = exported(app, client).get("positive", 0)
    person.press("Enter")
    person.is_told("You said positive; the model had guessed negative")
    assert exported(app, client)["positive"] == before + 1


def test_a_random_check_shows_its_guess_only_after_the_answer(app: Server, annotator: Callable[..., Annotator]) -> None:
    seed(app.home, [CHECK])
    person = annotator(app.url)
    assert person.page.inner_text(".mm-rv-caption") == CHECK.caption
    page = person.page
    assert page.locator(".mm-rv-accept").count() == 0
    assert "guess," not in page.inner_text(".mm-rv-answer")
    assert not page.locator(".mm-rv-looked").is_visible()
    page.keyboard.press("Enter")
    person.is_told("Choose a label first")
    person.press("3")
    person.is_told("You said positive; the model had guessed negative, 97 %.")


def test_a_label_that_is_a_digit_has_that_key(app: Server, annotator: Callable[..., Annotator], client: Client) -> None:
    person = annotator(app.url)
    choose(person, QUEUE[3].caption)
    assert person.page.locator(".mm-rv-choice .mm-key").all_inner_texts()[:2] == ["0", "↵"]
    person.press("7")
    assert exported(app, client, "digits") == {"7": 1}


def test_an_answer_that_is_no_label_is_typed(app: Server, annotator: Callable[..., Annotator], client: Client) -> None:
    person = annotator(app.url)
    choose(person, QUEUE[10].caption)
    field = person.page.locator(".mm-rv-labels .mm-typed input")
    expect(field).to_have_value("12.5")
    person.page.keyboard.press("e")
    expect(field).to_be_focused()
    person.page.keyboard.type("tall")
    person.press("Enter")
    person.is_told("must be a number, not tall")
    expect(field).to_have_value("tall")
    person.page.keyboard.press("ControlOrMeta+a")
    person.page.keyboard.type("7,50")
    person.press("Enter")
    person.is_told("You said 7.5; the model had guessed 12.5, 60 %.")
    assert client.predict("heights", api_name="/status")["by_annotator"] == {"Ann": 1}
    person.press("z")
    person.sees(QUEUE[10].caption)
    expect(field).to_have_value("7,50")  # as it was typed
    expect(field).not_to_be_focused()
    person.press("Enter")  # outside the field it stores what stands there
    person.is_told("You said 7.5; the model had guessed 12.5, 60 %.")


def test_the_digits_of_a_french_keyboard_choose_labels(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    person = annotator(app.url)
    choose(person, QUEUE[9].caption)
    before = exported(app, client).get("neutral", 0)
    pressed = {"key": "é", "code": "Digit2", "bubbles": True, "cancelable": True}
    with person.page.expect_response("**/run/review_act"):
        person.page.evaluate("pressed => document.body.dispatchEvent(new KeyboardEvent('keydown', pressed))", pressed)
    person.is_told("You said neutral")
    assert exported(app, client)["neutral"] == before + 1


def test_none_of_these_has_a_key_where_the_task_has_that_answer(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    person = annotator(app.url)
    choose(person, QUEUE[8].caption)
    assert person.page.inner_text(".mm-rv-choice >> nth=-1").split() == ["X", "None", "of", "these"]
    person.press("x")
    person.is_told("You said None of these; the model had guessed 0, 21 %.")
    assert exported(app, client, "digits")["none_of_these"] == 1
    choose(person, QUEUE[5].caption)
    assert "None of these" not in person.page.inner_text(".mm-rv-labels")  # sentiment has no such answer


def test_the_guess_stays_hidden_for_whoever_wants_it_so(app: Server, annotator: Callable[..., Annotator]) -> None:
    person = annotator(app.url)
    choose(person, QUEUE[6].caption)
    assert "guess, 54 %" in person.page.inner_text(".mm-rv-labels")
    with person.page.expect_response("**/run/review_act"):
        person.page.check(".mm-rv-hide")
    expect(person.page.locator(".mm-rv-answer")).not_to_contain_text("guess, 54 %")
    person.open()
    choose(person, QUEUE[6].caption)
    assert person.page.is_checked(".mm-rv-hide")
    assert "guess, 54 %" not in person.page.inner_text(".mm-rv-answer")


def test_whoever_calls_an_answer_right_for_the_wrong_reason_sees_where_the_model_looked(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    person = annotator(app.url)
    choose(person, QUEUE[6].caption)
    person.page.keyboard.press("w")  # opens the map, where it is closed
    person.is_told("Look at the map first")
    person.page.wait_for_selector(".mm-rv-map canvas")
    assert person.page.inner_text(".mm-rv-map .mm-sentence").startswith("It looked ")
    choose(person, QUEUE[7].caption)
    person.page.wait_for_selector(".mm-rv-map canvas")  # it stays open
    person.press("w")
    person.is_told("You said negative, as the model had guessed, but for the wrong reason.")
    assert client.predict("sentiment", api_name="/status")["wrong_reason"] == 1
    person.press("z")
    person.sees(QUEUE[7].caption)
    assert client.predict("sentiment", api_name="/status")["wrong_reason"] == 0


def test_a_phone_shows_sample_and_labels_and_the_queue_behind_a_button(
    app: Server, annotator: Callable[..., Annotator]
) -> None:
    person = annotator(app.url, locale="zh-CN", viewport={"width": 390, "height": 844})
    page = person.page
    assert "个待审核" in page.inner_text(".mm-rv-waiting")
    assert page.inner_text(".mm-rv-choice >> nth=0").split()[:2] == ["1", "消极"]
    parts = (".mm-rv-you", ".mm-rv-sample", ".mm-rv-answer", ".mm-rv-queue")
    tops = [page.locator(part).bounding_box() for part in parts]
    assert [box["y"] for box in tops if box] == sorted(box["y"] for box in tops if box)
    assert not page.locator(".mm-rv-list").is_visible()
    page.click(".mm-rv-unfold")
    assert page.locator(".mm-rv-list").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.click('.mm-tab[data-tab="status"]')
    served = page.locator(".mm-status .mm-board-pill")
    assert served.inner_text() == "使用中" and served.bounding_box()["height"] < 30  # type: ignore[index] - one line


def test_what_visitors_wrote_is_text(app: Server, annotator: Callable[..., Annotator]) -> None:
    person = annotator(app.url)
    choose(person, "شمس على البحر")
    assert person.page.inner_text(".mm-rv-caption") == QUEUE[7].caption
    assert person.page.locator(".mm-rv-caption").evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_what_is_alike_comes_after_the_sample_and_unfolds_by_keyboard(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    seed(
        app.home,
        [Waiting("A calm afternoon", 0.52), Waiting("A rainy afternoon", 0.53), Waiting("Drawn", 0.9, "audit")],
    )
    person = annotator(app.url)
    page = person.page
    choose(person, "A calm afternoon")
    person.press("2")
    choose(person, "A rainy afternoon")
    listed = page.locator(".mm-rv-alike .mm-alike > li")
    expect(listed).to_have_count(6, timeout=WAIT_MS)
    names = [button.get_attribute("aria-label") or "" for button in listed.locator("button").all()]
    assert any("A calm afternoon (corrected · " in line and "neutral" in line for line in names)
    assert any("(example · " in line for line in names)
    unfold = listed.first.locator(".mm-alike-more")
    unfold.focus()
    page.keyboard.press("Enter")
    expect(unfold).to_have_attribute("aria-expanded", "true")
    person.sees("A rainy afternoon")  # Enter unfolded, and answered nothing
    nearest = client.predict("sentiment", text="A rainy afternoon", k=50, api_name="/alike")
    assert {near["source"] for near in nearest} == {"examples", "corrections"}
    with pytest.raises(AppError, match="Nothing was given to judge"):
        client.predict("sentiment", api_name="/alike")
    choose(person, "Drawn")
    expect(page.locator(".mm-rv-alike")).to_contain_text("Hidden until you have answered", timeout=WAIT_MS)


def test_keys_do_nothing_while_another_tab_is_open(
    app: Server, annotator: Callable[..., Annotator], client: Client
) -> None:
    person = annotator(app.url)
    before = exported(app, client)
    person.page.click('.mm-tab[data-tab="status"]')
    person.page.wait_for_selector(".mm-st-counts")
    person.page.keyboard.press("1")
    person.page.keyboard.press("Enter")
    person.page.wait_for_timeout(500)
    assert exported(app, client) == before


def test_the_badge_counts_what_waits(app: Server, annotator: Callable[..., Annotator], client: Client) -> None:
    person = annotator(app.url)
    waiting = len(client.predict(api_name="/queue"))
    assert person.page.inner_text('.mm-tab[data-tab="review"] .mm-count') == str(waiting)
    person.press("s")
    assert person.page.inner_text('.mm-tab[data-tab="review"] .mm-count') == str(waiting - 1)


def test_media_have_no_address(app: Server, annotator: Callable[..., Annotator], tmp_path: Path) -> None:
    person = annotator(app.url)
    person.page.wait_for_selector(".mm-rv-thumbnail img:not([hidden])")
    assert [url for url in person.asked if "file=" in url] == []
