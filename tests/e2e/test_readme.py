"""What README shows to scripts runs as it stands there."""

import json
import re
import shlex
from collections.abc import Callable

import pytest

from mmdemo.settings import ROOT
from tests.serving import Server

SECTION = re.search(
    r"^## From scripts\n(.*?)^## ", (ROOT / "README.md").read_text(encoding="utf-8"), re.M | re.S
).group(1)
FROM_PYTHON, OVER_HTTP, COMMANDS = re.findall(r"^```\w*\n(.*?)^```$", SECTION, re.M | re.S)
INTERPRETER = ".venv/bin/python "


def test_the_python_lines_run(command: Callable) -> None:
    done = command("-c", FROM_PYTHON)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] in ("negative", "neutral", "positive")
    assert "lovely" in done.stdout


def test_the_http_lines_run(command: Callable, app: Server) -> None:
    done = command("-c", OVER_HTTP.replace("http://127.0.0.1:7860", app.url))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(
        ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "sur")
    )


@pytest.mark.parametrize("line", COMMANDS.splitlines())
def test_the_commands_run(line: str, command: Callable) -> None:
    assert line.startswith(INTERPRETER)
    done = command(*shlex.split(line.removeprefix(INTERPRETER)))
    assert done.returncode == 0, done.stderr
    if "--json" in line:
        assert json.loads(done.stdout)["label"]
