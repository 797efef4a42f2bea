"""Fixtures that all tests share. Nothing here reads or writes the home folder of whoever runs them."""

from __future__ import annotations

import gc
import itertools
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

# Before transformers or gradio are imported by any test: they read these once.
os.environ.update(HF_HUB_OFFLINE="1", GRADIO_ANALYTICS_ENABLED="False", TOKENIZERS_PARALLELISM="false")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from mmdemo.process import memory
from tests import serving

memory.keep_freed()
gc.disable()  # until all tests are imported: what comes with torch and gradio is looked through again and again
_homes = itertools.count()


def pytest_collection_finish() -> None:
    """Collect garbage from now on, but never again among what was imported."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _own_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the settings, or the home folder, of whoever runs it, or of another test."""
    for variable, value in serving.defaults().items():
        monkeypatch.setenv(variable, value)
    # A name, not a folder: a thousand tests need none, and making them takes its time.
    monkeypatch.setenv("MMDEMO_HOME", str(tmp_path_factory.getbasetemp() / f"home-{next(_homes)}"))
    monkeypatch.delenv("SPACE_ID", raising=False)


@pytest.fixture
def free_port() -> int:
    """A TCP port of loopback that nobody listens on."""
    return serving.free_port()


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[serving.Server]]:
    """`with serve(home, MMDEMO_REVIEW_KEY="…") as server:` runs the real app.py; see tests/serving.py."""
    return serving.serve


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Server]:
    """The real app.py with default settings, one for all tests that can share it: its home was empty at first."""
    with serving.serve(tmp_path_factory.mktemp("app") / "home") as server:
        yield server


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`command("-m", "mmdemo", "tasks", home=…)` runs this Python in a scrubbed environment and captures its output."""
    return partial(serving.command, home=tmp_path / "home")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real headless Chromium, one for all tests; Playwright's event loop runs as long, so no other can beside it."""
    from tests.browser import launch

    with launch() as running:
        yield running


@pytest.fixture
def new_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """`new_page(locale="zh-CN", viewport={…}, color_scheme="dark")`: a page of a visitor of its own.

    None may need what its server's content security policy refuses.
    """
    refused: list[str] = []

    def notice(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text and "is report-only" not in message.text:  # as Label Studio's is
            refused.append(message.text)

    with ExitStack() as stack:

        def make(**options: object) -> Page:
            context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1280, "height": 800}, **options})
            stack.callback(context.close)
            context.on("console", notice)
            return context.new_page()

        yield make
    assert refused == []


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    """A page at 1280 × 800 that asks for English."""
    return new_page()
