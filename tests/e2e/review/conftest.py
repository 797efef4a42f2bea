"""The real app on a home in which samples wait, and annotators before it, each with a browser of their own."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from annotations import review_queue
from annotations.store import open_store, samples
from mmdemo import settings, tasks
from mmdemo.answers import LabelAnswer
from mmdemo.tasks import Task
from mmdemo.values.samples import Explanation, FlagReason, ImageMap, Inputs, Prediction, TextMap, TokenScore
from tests.number_kind import NumberAnswer
from tests.serving import Server

WAIT_MS = 60_000  # on a busy machine
DIGITS = """
name = "digits"
title = "Spoken digits"
modalities = ["text"]
languages = ["en"]
threshold = 0.6
labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
none_of_these = true
[encoders.text]
type = "auto"
start = "nowhere"
[fusion]
type = "transformer"
"""
HEIGHTS = """
name = "heights"
title = "Heights"
kind = "number"
modalities = ["text"]
languages = ["en"]
threshold = 0.6
[encoders.text]
type = "auto"
start = "nowhere"
[fusion]
type = "transformer"
"""


@dataclass(frozen=True)
class Waiting:
    """A sample to put into the queue; the less sure the model, the earlier it comes."""

    caption: str
    confidence: float
    reason: str = "low_confidence"
    task: str = "sentiment"
    suggested: str | None = None
    number: float = 0.0  # the guess, where the task is answered with one


def seed(home: Path, queue: Sequence[Waiting], task_dir: Path | None = None) -> list[str]:
    """Put samples into a home's queue as the loop would, and return their ids. Nobody needs a model for that.

    Of what is doubted none is set aside: it is asked about most doubtful first, beside its guess.
    """
    chosen = settings.load({"MMDEMO_HOME": str(home)})
    known = tasks.load_all(task_dir)
    store = open_store(chosen)
    try:
        return [_offer(store, known[sample.task], sample) for sample in queue]
    finally:
        store.close()


def seed_again(server: Server, samples: Sequence[Waiting]) -> Server:
    """Have these samples, which nobody has seen yet, alone wait before a running app, whatever tests before left."""
    with closing(sqlite3.connect(server.home / "mmdemo.sqlite")) as database, database:
        for table in ("moves", "corrections", "holdings", "samples"):
            database.execute(f"DELETE FROM {table}")
        database.execute("DELETE FROM tallies WHERE about NOT IN ('panel', 'snapshots')")  # those say what is otherwise
    seed(server.home, samples)
    return server


def _offer(store: review_queue.Store, task: Task, sample: Waiting) -> str:
    colour = np.frombuffer(hashlib.sha256(sample.caption.encode()).digest()[:3], np.uint8)
    picture = np.broadcast_to(colour, (120, 160, 3)).copy() if "image" in task.modalities else None
    inputs = Inputs(image=picture, text=sample.caption)
    prediction = _prediction(task, inputs, sample)
    share = None if sample.reason == FlagReason.AUDIT else 0.0
    sample_id, _ = review_queue.offer(store, task, inputs, prediction, share=share, suggested=sample.suggested)
    with store.session() as session:
        samples.get(session, sample_id).split_draw = 1.0
        session.commit()
    return sample_id


def _prediction(task: Task, inputs: Inputs, sample: Waiting) -> Prediction:
    answer = _label(task, sample.confidence) if task.label_names else NumberAnswer(sample.number, 2.0)
    words = (TokenScore(sample.caption.split()[0], 0, len(sample.caption.split()[0]), 1.0),)
    image = ImageMap((7, 7), ((0.1,) * 7,) * 7) if inputs.image is not None else None
    return Prediction(
        sample_id=hashlib.sha256(sample.caption.encode()).hexdigest(),
        task=task.name,
        kind=task.kind,
        answer=answer,
        confidence=sample.confidence,
        threshold=task.threshold,
        flagged=True,
        reason=sample.reason,
        modalities=inputs.modalities,
        model_version="2026-11-21-n001",
        latency_ms=1.0,
        explanation=Explanation("attention", answer.value, image=image, text=TextMap(words)),
        capped=sample.reason == "unfamiliar",
    )


def _label(task: Task, confidence: float) -> LabelAnswer:
    guess, *others = task.label_names
    rest = (1 - confidence) / len(others)
    return LabelAnswer(guess, {guess: confidence, **dict.fromkeys(others, rest)})


class Annotator:
    """A person before the Review tab, whose browser remembers a name where one is given."""

    def __init__(self, page: Page, url: str, name: str | None) -> None:
        self.page = page
        self.url = url
        self.asked: list[str] = []
        self.errors: list[str] = []
        page.set_default_timeout(WAIT_MS)
        if name:
            remember = f"localStorage.setItem('mmdemo.annotator', {json.dumps(name)})"
            page.add_init_script(f"if (location.protocol === 'http:') {remember}")  # an empty page stores nothing
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self) -> Annotator:
        """Load the page, or load it again, and go to the tab by keyboard."""
        self.page.goto(self.url)
        self.page.locator('.mm-tab[data-tab="review"]').focus()
        self.page.keyboard.press("Enter")
        expect(self.page.locator(".mm-review:not([data-state=waiting])")).to_be_visible(timeout=WAIT_MS)
        self.page.evaluate("document.activeElement.blur()")
        return self

    def press(self, *keys: str) -> None:
        """Press keys, each after what the one before led to is shown."""
        for key in keys:
            with self.page.expect_response("**/run/review_act"):
                self.page.keyboard.press(key)
            expect(self.page.locator(".mm-review")).to_have_attribute("aria-busy", "false", timeout=WAIT_MS)

    def choose(self, caption: str) -> None:
        """Click a sample in the list, and wait until it is shown: a key that is pressed before then goes nowhere."""
        with self.page.expect_response("**/run/review_act"):
            self.page.click(f'.mm-rv-row:has-text("{caption}")')
        expect(self.page.locator(".mm-review")).to_have_attribute("aria-busy", "false", timeout=WAIT_MS)

    def leave(self) -> None:
        """Turn to another tab, so that the sample is free for others; wait until the server knows."""
        if self.page.locator(".mm-review[data-state=open]").is_visible():
            with self.page.expect_response("**/run/review_leave"):
                self.page.click('.mm-tab[data-tab="status"]')

    def sees(self, caption: str) -> None:
        """Wait until the sample with this caption is asked about."""
        expect(self.page.locator(".mm-rv-caption")).to_contain_text(caption, timeout=WAIT_MS)

    def is_told(self, line: str) -> None:
        """Wait for the line under the labels."""
        expect(self.page.locator(".mm-rv-line")).to_contain_text(line, timeout=WAIT_MS)


@pytest.fixture
def annotator(new_page: Callable[..., Page]) -> Iterator[Callable[..., Annotator]]:
    """`annotator(url, name="Ann", locale="zh-CN", …)`: a person of their own; none may meet an error or be sent away.

    In the end they leave, so that nothing is kept for them.
    """
    people: list[Annotator] = []

    def make(url: str, name: str | None = "Ann", **options: object) -> Annotator:
        people.append(Annotator(new_page(**options), url, name))
        return people[-1].open()

    yield make
    for person in people:
        person.leave()
    hosts = {urlsplit(url).hostname for person in people for url in person.asked if url.startswith("http")}
    assert hosts <= {"127.0.0.1"}
    assert [error for person in people for error in person.errors] == []


Serve = Callable[..., AbstractContextManager[Server]]
