"""In Label Studio's own page, in a real browser: the picture shows, the sound plays, the guess is chosen already."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from playwright.sync_api import TimeoutError

from annotations import review_queue
from annotations.labelstudio.pull import SyncReport
from annotations.labelstudio.translation import map_html
from annotations.store import labels
from mmdemo.values.samples import Inputs
from tests.e2e.labelstudio.conftest import Loop, open_task, submit
from tests.unit.annotations import sentiment as given

if TYPE_CHECKING:
    from playwright.sync_api import Page

SHOWN = "img => img.naturalWidth"
# Notes how far the sound has come, also where it is over before anybody looks.
LISTEN = """document.addEventListener("timeupdate", (event) => {
  window.heard = Math.max(window.heard ?? 0, event.target.currentTime);
}, true)"""
PRESS_MS, HEAR_MS = 5000, 1000  # at most, to press; and to hear it, before it is pressed again
PLAY_S, LOADS = (
    40.0,
    3,
)  # before the page is loaded anew, whose player now and then takes no press at all; and how often
CHOSEN = "[...document.querySelectorAll('.lsf-choices input')].map(input => [input.name, input.checked])"


def chosen(page: Page) -> list[str]:
    """Return what the annotator sees chosen."""
    return [name for name, checked in page.evaluate(CHOSEN) if checked]


def is_heard(page: Page) -> bool:
    """Play the sound: press the button until it is heard, since a player that still draws its wave loses a press."""
    page.wait_for_function("() => document.querySelector('audio')?.readyState >= 3")
    page.evaluate(LISTEN)
    button = page.get_by_test_id("playback-button:play").first
    deadline = time.monotonic() + PLAY_S
    while time.monotonic() < deadline:
        with suppress(TimeoutError):  # while the sound plays, it is a button to pause
            button.click(timeout=PRESS_MS)
        page.wait_for_timeout(HEAR_MS)
        if page.evaluate("window.heard > 0.2"):
            return True
    return False


def test_a_picture_is_shown_its_guess_chosen_and_another_choice_comes_back(
    loop: Loop, label_studio, sdk, annotator: Page
) -> None:
    sample_id, _ = loop.visit(1, "<b>seen</b> as it is")
    loop.sync_task(loop.pictures)
    open_task(annotator, label_studio, loop.there(sdk, loop.pictures)[sample_id])

    picture = annotator.locator("img[src^='blob:']").first
    picture.wait_for(state="attached")
    annotator.wait_for_function("() => document.querySelector(\"img[src^='blob:']\").naturalWidth > 0")
    assert picture.evaluate(SHOWN) == 320
    assert annotator.get_by_text("<b>seen</b> as it is").first.is_visible()
    assert chosen(annotator) == ["positive"]  # the guess
    marked = annotator.locator("span[title='1.00'][style*=rgba]", has_text="<b>seen</b>").first
    assert map_html.TOWARDS in marked.evaluate("word => getComputedStyle(word).backgroundColor")
    annotator.wait_for_function("() => document.querySelector(\"img[src*='/data/upload']\").naturalWidth === 320")

    layer = "() => getComputedStyle(document.querySelector('.mm-layer')).opacity"
    assert annotator.evaluate(layer) == str(map_html.STRENGTH / 100)
    annotator.click(".mm-strength .mm-0 summary")
    assert annotator.evaluate(layer) == "0"
    annotator.keyboard.press("Tab")
    annotator.keyboard.press("Space")
    assert annotator.evaluate(layer) == "0.25"

    annotator.keyboard.press("2")
    annotator.wait_for_function("() => document.querySelector('input[name=neutral]').checked")
    submit(annotator)

    assert loop.sync_task(loop.pictures) == SyncReport(pulled=1)
    assert loop.said(sample_id) == [("neutral", label_studio.email, "label_studio")]
    assert loop.sync_task(loop.pictures) == SyncReport()


def test_a_sound_plays_and_its_guess_comes_back_when_confirmed(loop: Loop, label_studio, sdk, annotator: Page) -> None:
    sample_id, _ = loop.speak(3)
    loop.sync_task(loop.sounds)
    task = loop.there(sdk, loop.sounds)[sample_id]
    for _ in range(LOADS):
        open_task(annotator, label_studio, task)
        if heard := is_heard(annotator):
            break
    assert heard
    assert annotator.locator("audio").first.evaluate("audio => audio.duration") == pytest.approx(1.5, abs=0.05)
    assert chosen(annotator) == ["surprised"]
    annotator.keyboard.press("w")
    annotator.get_by_label("right answer, wrong reason").and_(annotator.locator(":checked")).wait_for(state="attached")
    assert annotator.get_by_label("surprised").is_checked()  # still

    submit(annotator)
    assert loop.sync_task(loop.sounds) == SyncReport(pulled=1)
    assert loop.said(sample_id) == [("surprised", label_studio.email, "label_studio")]
    with loop.store.reading() as session:
        assert [correction.wrong_reason for correction in labels.history(session, sample_id)] == [True]


def test_a_picture_of_one_colour_and_one_without_caption_are_shown(loop: Loop, label_studio, sdk, annotator) -> None:
    # Such a picture takes a few dozen bytes, which the page would take for a failed download.
    inputs = Inputs(image=np.full((48, 64, 3), (200, 30, 30), np.uint8))
    answer = given.prediction(inputs, 0.4, "v7", loop.pictures)
    sample_id, _ = review_queue.offer(loop.store, loop.pictures, inputs, answer, share=0.0)
    loop.sync_task(loop.pictures)
    open_task(annotator, label_studio, loop.there(sdk, loop.pictures)[sample_id])
    annotator.wait_for_function("() => document.querySelector(\"img[src^='blob:']\")?.naturalWidth === 64")


def test_the_stream_of_tasks_begins_with_the_most_doubtful(loop: Loop, label_studio, sdk, annotator: Page) -> None:
    for seed, confidence in enumerate((0.5, 0.36, 0.45)):
        inputs = Inputs(text=f"as sure as {confidence}")
        answer = given.prediction(inputs, confidence, "v7", loop.pictures)
        review_queue.offer(loop.store, loop.pictures, inputs, answer, share=0.0)
        if seed == 1:
            loop.sync_task(loop.pictures)  # the last one comes later
    loop.sync_task(loop.pictures)
    project = next(iter(loop.there(sdk, loop.pictures).values())).project
    annotator.goto(f"{label_studio.url}/projects/{project}/data?labeling=1", wait_until="commit")
    annotator.get_by_text("as sure as 0.36").first.wait_for()
