"""`python app.py` starts, says in one sentence why it can't, and ends when it is told to."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import serving

Run = Callable[..., subprocess.CompletedProcess[str]]


def assert_one_sentence(done: subprocess.CompletedProcess[str], exit_code: int, part: str) -> None:
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert part in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_port_in_use(command: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        assert_one_sentence(command("app.py", GRADIO_SERVER_PORT=port), 1, f"Port {port} of 127.0.0.1 is in use")


def test_a_port_that_is_no_number(command: Run) -> None:
    done = command("app.py", GRADIO_SERVER_PORT="abc")
    assert_one_sentence(done, 2, 'GRADIO_SERVER_PORT must be a whole number, not "abc"')


def test_a_setting_that_is_no_choice(command: Run) -> None:
    done = command("app.py", MMDEMO_KEEP_DOUBTFUL="always")
    assert_one_sentence(done, 2, "MMDEMO_KEEP_DOUBTFUL must be one of ask, unless_declined")


def test_a_review_key_that_can_be_guessed(command: Run) -> None:
    done = command("app.py", MMDEMO_REVIEW_KEY="sesame")
    assert_one_sentence(done, 2, "MMDEMO_REVIEW_KEY has 6 characters, which can be guessed; it needs at least 12.")
    assert "sesame" not in done.stderr


def test_a_home_that_is_a_file(tmp_path: Path, free_port: int) -> None:
    (tmp_path / "home").write_text("not a folder")
    done = serving.command("app.py", home=tmp_path / "home", GRADIO_SERVER_PORT=str(free_port))
    assert_one_sentence(done, 1, str(tmp_path / "home"))


def test_a_task_file_that_is_broken(command: Run, tmp_path: Path, free_port: int) -> None:
    (tmp_path / "broken.toml").write_text("name = ")
    done = command("app.py", MMDEMO_TASK_DIR=str(tmp_path), GRADIO_SERVER_PORT=str(free_port))
    assert_one_sentence(done, 2, "broken.toml is not valid TOML")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_and_leaves_no_uploads(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "tmp").mkdir()
    with serving.serve(tmp_path / "home", TMPDIR=str(tmp_path / "tmp")) as server:
        left = sorted((tmp_path / "tmp").glob("mmdemo-uploads-*"))
        assert [path.is_dir() for path in left] == [True, False]  # the folder and its lock
        os.kill(server.process.pid, number)
        assert server.process.wait(serving.STOP_LIMIT_S) == 0
        assert "Traceback" not in server.log.read_text()
    assert list((tmp_path / "tmp").glob("mmdemo-*")) == []
