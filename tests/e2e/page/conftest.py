"""Visitors of the real page, each with a browser context of its own; what they ask for stays on this machine."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Dialog, Page, expect

from mmdemo import tasks
from tests import serving
from tests.serving import Server

PICTURE_CAPTION = '.mm-form[data-task="sentiment"]'
SENTIMENT, SPEECH, DIGITS = "sentiment", "speech_emotion", "spoken_digits"
# Whatever a model thinks of a sample, each task gets what one kind of answer needs: threshold and audit share.
CAREFUL = {SENTIMENT: (0.9999, 0.02), SPEECH: (0.0001, 1.0), DIGITS: (0.0001, 0.0)}  # all doubtful, drawn, sure
ANSWER_MS = 180_000  # a busy machine that trains and kills beside it, and perhaps a model that is still loading
expect.set_options(timeout=ANSWER_MS)


class Visitor:
    """A person before the page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.asked: list[str] = []  # every address that the page asked for
        self.errors: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("dialog", self._meet)
        # From the start: a chooser that opens before the browser has heard that somebody waits for it is lost.
        page.on("filechooser", lambda _: None)

    def _meet(self, dialog: Dialog) -> None:
        if dialog.type == "confirm":  # "are you sure?" is ours
            dialog.accept()
        else:
            self.errors.append(f"dialog: {dialog.message}")

    def open(self) -> "Visitor":
        """Load the page, or load it again."""
        self.page.goto(self.url)
        self.page.wait_for_selector(".mm-predict")
        return self

    def choose(self, picture: Path | None = None, caption: str | None = None) -> "Visitor":
        """Fill in the form of picture and caption."""
        if picture is not None:
            self.page.set_input_files(f"{PICTURE_CAPTION} input[type=file]", picture)
        if caption is not None:
            self.page.fill(f"{PICTURE_CAPTION} textarea", caption)
        return self

    def predict(self) -> "Visitor":
        """Press the button and wait for what comes."""
        self.page.click("[data-do=predict]")
        return self.wait()

    def reply(self, agreed: bool) -> "Visitor":
        """Say whether people may see a doubtful sample, and wait for what comes of it."""
        self.page.click(f"[data-agree={'yes' if agreed else 'no'}]")
        self.page.wait_for_selector(".mm-answer .mm-thanks")
        return self

    def example(self, number: int) -> "Visitor":
        """Click an example of the chosen task and wait for its answer."""
        self.page.click(f".mm-examples:not([hidden]) [data-example='{number}']")
        return self.wait()

    def trusted(self) -> "Visitor":
        """Click the task's examples until one has a map that is better than chance: others are drawn in grey.

        Which of them that is, is the model's business; that there is one is a test's.
        """
        for number in range(self.page.locator(".mm-examples:not([hidden]) [data-example]").count()):
            self.example(number).page.wait_for_selector(".mm-trusted", timeout=ANSWER_MS)
            if self.page.locator(".mm-map.mm-doubted").count() == 0:
                return self
        raise AssertionError("the map of no example is better than chance")

    def wait(self) -> "Visitor":
        """Wait until the page is done, with an answer or a refusal."""
        self.page.wait_for_selector(".mm-answer, .mm-problem:not([hidden])", timeout=ANSWER_MS)
        self.page.wait_for_selector(".mm-results[aria-busy=false]", timeout=ANSWER_MS)
        return self

    @property
    def answer(self) -> str:
        """The label as it is shown."""
        return self.page.inner_text(".mm-answer-name")

    @property
    def problem(self) -> str:
        """The sentence that stands instead of an answer, "" for none."""
        shown = self.page.locator(".mm-problem:not([hidden])")
        return shown.inner_text().strip() if shown.count() else ""


@pytest.fixture(scope="session")
def careful(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment variables of an app that is CAREFUL, whose uploads lie in a folder of its own."""
    folder = tmp_path_factory.mktemp("careful")
    for name in ("tasks", "tmp"):
        (folder / name).mkdir()
    for name, (threshold, share) in CAREFUL.items():
        text = (tasks.SHIPPED / f"{name}.toml").read_text("utf-8")
        text = re.sub(r"(?m)^threshold = .*$", f"threshold = {threshold}", text)
        text = re.sub(r"(?m)^promise = .*\n", "", text)  # else the shipped thresholds would keep that
        text = re.sub(r"(?m)^audit_share = .*$", f"audit_share = {share}", text)
        text = text.replace('"examples/', f'"{tasks.SHIPPED / "examples"}/')
        (folder / "tasks" / f"{name}.toml").write_text(text, "utf-8")
    return {"MMDEMO_TASK_DIR": str(folder / "tasks"), "TMPDIR": str(folder / "tmp")}


@pytest.fixture(scope="session")
def careful_app(careful: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The real app that is CAREFUL and has default settings otherwise."""
    with serving.serve(tmp_path_factory.mktemp("app") / "home", **careful) as server:
        yield server


@pytest.fixture
def visit(app: Server, new_page: Callable[..., Page]) -> Iterator[Callable[..., Visitor]]:
    """`visit(locale="zh-CN", …)` opens the page as a visitor; none may meet an error or be sent elsewhere."""
    visitors: list[Visitor] = []

    def make(**options: object) -> Visitor:
        visitors.append(Visitor(new_page(**options), app.url))
        return visitors[-1].open()

    yield make
    elsewhere = [url for visitor in visitors for url in visitor.asked if _host(url) not in (None, "127.0.0.1")]
    assert elsewhere == []
    assert [error for visitor in visitors for error in visitor.errors] == []


def _host(url: str) -> str | None:
    return urlsplit(url).hostname if url.startswith(("http", "ws")) else None
