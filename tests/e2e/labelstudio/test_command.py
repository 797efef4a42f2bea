"""`python -m annotations sync` as a person runs it: its refusals, its one JSON value, its watch."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mmdemo.settings import ROOT
from tests import label_studio_server, serving
from tests.e2e.labelstudio.conftest import Loop
from tests.label_studio_server import TOKEN, LabelStudioServer

Command = Callable[..., subprocess.CompletedProcess[str]]
PATIENCE_S = 120


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one sentence of a command that failed and changed nothing."""
    assert (done.returncode, done.stdout) == (1, "")
    (sentence,) = done.stderr.splitlines()
    return sentence


def test_without_settings_it_says_which(command: Command) -> None:
    assert "not set: LABEL_STUDIO_URL, LABEL_STUDIO_API_KEY." in refused(command("-m", "annotations", "sync"))
    done = command("-m", "annotations", "sync", LABEL_STUDIO_URL="http://127.0.0.1:8080")
    assert "not set: LABEL_STUDIO_API_KEY." in refused(done)


def test_a_server_that_is_away_is_named_with_what_to_do(command: Command, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    sentence = refused(command("-m", "annotations", "sync", LABEL_STUDIO_URL=url, LABEL_STUDIO_API_KEY=TOKEN))
    assert f"Label Studio at {url}/ does not answer" in sentence
    assert "LABEL_STUDIO_URL" in sentence


def test_a_key_that_is_refused_is_not_waited_for(command: Command, label_studio: LabelStudioServer) -> None:
    variables = {"LABEL_STUDIO_URL": label_studio.url, "LABEL_STUDIO_API_KEY": "f" * 40}
    sentence = refused(command("-m", "annotations", "sync", "--watch", "1", **variables))
    assert "refuses the key (401 Invalid token.)" in sentence
    assert "f" * 40 not in sentence


def environment(loop: Loop) -> dict[str, str]:
    """Return the variables that give a command the settings of `loop`."""
    settings = loop.settings
    return {
        "MMDEMO_TASK_DIR": str(settings.task_dir),
        "LABEL_STUDIO_URL": settings.label_studio_url,
        "LABEL_STUDIO_API_KEY": settings.label_studio_api_key,
    }


def test_it_prints_one_json_value_and_the_second_run_changes_nothing(loop: Loop, command: Command) -> None:
    loop.visit(0, "once")
    words = ("-m", "annotations", "sync", "--task", loop.pictures.name, "--json")
    first = command(*words, home=loop.settings.home, **environment(loop))
    assert first.returncode == 0, first.stderr
    assert f"new project for {loop.pictures.name}" in first.stderr
    zero = dict.fromkeys(("created", "pushed", "pulled", "skipped", "withdrawn", "removed", "mended", "unreadable"), 0)
    assert json.loads(first.stdout) == {**zero, "created": 1, "pushed": 1, "waiting": 1}
    second = command(*words, home=loop.settings.home, **environment(loop))
    assert (json.loads(second.stdout), second.stderr) == ({**zero, "waiting": 1}, "")


@contextmanager
def watching(home: Path, log: Path, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Run the watch, with what it says in `log`."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "annotations", "sync", "--task", "sentiment", "--watch", "0.5", "--json"],
            cwd=ROOT,
            env=serving.environment(home, **variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for(log: Path, text: str, times: int = 1) -> None:
    """Wait until `log` holds `text` so often."""
    deadline = time.monotonic() + PATIENCE_S
    while log.read_text().count(text) < times:
        assert time.monotonic() < deadline, f"{text!r} was not said:\n{log.read_text()}"
        time.sleep(0.1)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_the_watch_outlives_the_server_and_ends_cleanly(
    new_server: LabelStudioServer, tmp_path: Path, free_port: int, stop: signal.Signals
) -> None:
    log = tmp_path / "log"
    variables = {"LABEL_STUDIO_URL": f"http://127.0.0.1:{free_port}", "LABEL_STUDIO_API_KEY": new_server.token}
    with watching(tmp_path / "home", log, **variables) as process:
        wait_for(log, "does not answer")
        if stop is signal.SIGTERM:  # the other way to stop needs no server
            with label_studio_server.running(tmp_path / "data", free_port, like=new_server):
                wait_for(log, "Label Studio: 0 sent")  # the round that made the project went through
            before = log.read_text().count("does not answer")
            wait_for(log, "does not answer", before + 1)
        process.send_signal(stop)
        printed, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert json.loads(printed)["created"] == (1 if stop is signal.SIGTERM else 0)
    assert "Traceback" not in log.read_text()
