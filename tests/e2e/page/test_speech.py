"""Speech: from a file, from the microphone; silence is said to be silence."""

import wave
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from mmdemo import tasks
from mmdemo.errors import BadInput
from tests import serving
from tests.e2e.page.conftest import ANSWER_MS, Visitor
from tests.serving import Server

SPEECH = '.mm-form[data-task="speech_emotion"]'

# Returns how much of the upper quarter of the sound's map has the waveform's colour, and the colour at its top where
# the sound stands.
WAVEFORM = """() => {
  const [canvas, sound] = ['canvas', 'audio'].map((name) => document.querySelector(`.mm-sound-map ${name}`));
  const seconds = JSON.parse(document.querySelector('.mm-sound-map').dataset.grid).edges_s.at(-1);
  const pen = canvas.getContext('2d');
  const { data } = pen.getImageData(0, 0, canvas.width, canvas.height / 4);
  let drawn = 0;
  for (let at = 0; at < data.length; at += 4) drawn += data[at] === 169 && data[at + 1] === 196 && data[at + 2] === 255;
  const here = Math.min(canvas.width - 1, Math.round((sound.currentTime / seconds) * canvas.width));
  return [(4 * drawn) / data.length, [...pen.getImageData(here, 2, 1, 1).data].slice(0, 3)];
}"""


def test_an_example_is_answered_with_a_map_along_time(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.click(".mm-tasks [data-task=speech_emotion]")
    visitor.trusted()
    assert len(page.locator(".mm-bar").all()) == 8
    page.focus(".mm-sound-map canvas")
    page.keyboard.press("ArrowRight")
    assert " s: " in page.inner_text(".mm-pointed")
    page.click(".mm-play")
    page.wait_for_function("document.querySelector('.mm-sound-map audio').currentTime > 0.2")
    page.click(".mm-play")
    page.wait_for_function("document.querySelector('.mm-sound-map audio').paused")
    page.fill(".mm-map .mm-strength input", "0")  # without its veil the sound has its own colours
    page.wait_for_timeout(300)
    drawn, playhead = page.evaluate(WAVEFORM)
    assert 0.03 < drawn < 0.9 and playhead == [255, 255, 255]


def test_what_is_alike_is_folded_and_can_be_heard(visit: Callable[..., Visitor]) -> None:
    visitor = visit(locale="zh-CN", viewport={"width": 390, "height": 844}, color_scheme="dark")
    page = visitor.page
    page.click(".mm-tasks [data-task=speech_emotion]")
    visitor.example(3)
    assert page.locator(".mm-alike").count() == 0
    page.click(".mm-alike-fold summary")
    page.wait_for_selector(".mm-alike > li >> nth=5", timeout=ANSWER_MS)
    page.focus(".mm-alike-play >> nth=0")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.mm-alike audio').currentTime > 0.1")
    expect(page.locator(".mm-alike-play >> nth=0")).to_have_attribute("aria-pressed", "true")
    page.click(".mm-alike-play >> nth=1")
    page.wait_for_function("document.querySelector('.mm-alike audio').paused")  # one at a time
    expect(page.locator(".mm-alike-play >> nth=0")).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_a_link_may_name_the_task(app: Server, page: Page) -> None:
    page.goto(f"{app.url}/?task=speech_emotion")
    page.wait_for_selector(f"{SPEECH}:not([hidden])")
    assert page.get_attribute(".mm-tasks [aria-checked=true]", "data-task") == "speech_emotion"


def test_silence_is_said_and_no_emotion_invented(visit: Callable[..., Visitor], tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(2 * 32_000))
    visitor = visit()
    visitor.page.click(".mm-tasks [data-task=speech_emotion]")
    visitor.page.set_input_files(f"{SPEECH} input[type=file]", tmp_path / "silence.wav")
    assert visitor.predict().problem == BadInput("audio_silent").sentence()
    assert visitor.page.locator(".mm-answer").count() == 0


def test_a_recording_is_taken_as_the_browser_makes_it(visit: Callable[..., Visitor]) -> None:
    visitor = visit(permissions=["microphone"])
    page = visitor.page
    page.click(".mm-tasks [data-task=speech_emotion]")
    page.click("[data-do=record]")
    page.wait_for_function(f"parseFloat(document.querySelector('{SPEECH} .mm-clock').textContent) > 1.5")
    page.click(f"{SPEECH} [data-do=snap]")
    page.wait_for_selector(f"{SPEECH} .mm-chosen audio")
    visitor.predict()
    # Chromium's false microphone beeps: whatever is said about that, it was decoded.
    assert visitor.problem in ("", BadInput("no_speech").sentence())


def test_a_recording_up_to_the_limit_is_not_refused_for_its_length(
    new_page: Callable[..., Page], tmp_path: Path
) -> None:
    task = (tasks.SHIPPED / "speech_emotion.toml").read_text("utf-8").split("[[examples]]")[0]
    (tmp_path / "short.toml").write_text(task.replace("audio_max_s = 30.0", "audio_max_s = 2.0"), "utf-8")
    with serving.serve(tmp_path / "home", MMDEMO_TASK_DIR=str(tmp_path)) as server:
        visitor = Visitor(new_page(permissions=["microphone"]), f"{server.url}/?task=speech_emotion").open()
        visitor.page.click("[data-do=record]")
        visitor.page.wait_for_selector(f"{SPEECH} .mm-chosen audio")  # it ends by itself
        visitor.predict()
    assert visitor.problem in ("", BadInput("no_speech").sentence())
