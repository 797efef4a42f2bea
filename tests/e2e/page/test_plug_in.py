"""The example app with our loop behind it, as a process of its own: what it doubts waits in the queue."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from mmdemo.settings import ROOT
from tests import serving
from tests.waiting import wait_until

START_LIMIT_S, TICK_S = 60, 0.1


@pytest.fixture
def plug_in(tmp_path: Path, free_port: int) -> Iterator[str]:
    """The address of the running example."""
    environment = serving.environment(tmp_path / "home", GRADIO_SERVER_PORT=str(free_port))
    url = f"http://127.0.0.1:{free_port}"
    command = [sys.executable, "-m", "examples.plug_in"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        wait_until(lambda: answers(url), START_LIMIT_S, TICK_S)
        yield url
    finally:
        process.terminate()
        process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as reply:
            return reply.status == 200
    except OSError:
        return False


def test_what_a_visitor_of_the_example_asks_waits_for_people(plug_in: str, page: Page, command) -> None:
    def has(kept: dict[str, int]) -> bool:
        [status] = json.loads(command("-m", "annotations", "status", "--task", "sentiment", "--json").stdout)
        return {state: count for state, count in status["states"].items() if count} == kept

    page.goto(plug_in)
    asked = (
        ("a good day", "positive", {"unflagged": 1}),
        ("a good and a bad day", "negative", {"unflagged": 1, "queued": 1}),
    )
    for caption, label, kept in asked:
        page.get_by_label("Caption").fill(caption)
        page.get_by_role("button", name="Submit").click()
        expect(page.get_by_test_id("label-output-value")).to_have_text(label)
        # Gradio's page flags one answer at a time, and none that comes while it does.
        wait_until(partial(has, kept), START_LIMIT_S, TICK_S)
    [entry] = json.loads(command("-m", "annotations", "queue", "--json").stdout)
    assert (entry["task"], entry["reason"], entry["confidence"]) == ("sentiment", "low_confidence", pytest.approx(0.4))
