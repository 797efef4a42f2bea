"""`python app.py` as a process of its own, for tests and screenshots: on loopback, in its own home, never in yours."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from mmdemo.settings import ROOT, Settings

START_LIMIT_S = 180  # a cold disk and a busy machine; importing torch alone can take a minute there
STOP_LIMIT_S = 20
APP = ("app.py",)


@dataclass(frozen=True)
class Server:
    """A running app."""

    url: str
    home: Path  # its MMDEMO_HOME
    log: Path  # what it wrote to standard output and error
    environment: Mapping[str, str]  # for commands that shall meet it in the same home
    process: subprocess.Popen[bytes]


def free_port() -> int:
    """Return a TCP port of loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def environment(home: Path, **settings: str) -> dict[str, str]:
    """Return this process's environment with every setting at its default, except `home` and `settings`.

    PyTorch computes: another runtime would be made beside each server, for nothing.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MMDEMO_", "GRADIO_", "SPACE_"))}
    fixed = {"MMDEMO_HOME": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    fixed["MMDEMO_RUNTIME"] = "torch"
    return {**kept, **defaults(), **fixed, **settings}


def defaults() -> dict[str, str]:
    """Return every setting's variable such that it means its default.

    A blank one does, and also hides what a developer's `.env` says; but Gradio itself can't read a blank port.
    """
    own = {field.metadata["variable"]: field.default for field in fields(Settings)}
    return {name: str(value) if name.startswith("GRADIO_") else "" for name, value in own.items()}


def command(
    *arguments: str | Path, home: Path, folder: Path = ROOT, timeout_s: float = 240, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run this Python with `arguments` in `folder`, as a person would, and return what it printed and its exit code."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env=environment(home, **settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
    )


@contextmanager
def serve(
    home: Path, folder: Path = ROOT, python: str | Path = sys.executable, program: Sequence[str] = APP, **settings: str
) -> Iterator[Server]:
    """Run `folder`/app.py, or another program, until the block ends; `settings` are environment variables.

    Raises RuntimeError with its log.
    """
    port = settings.get("GRADIO_SERVER_PORT") or str(free_port())
    variables = environment(home, **{**settings, "GRADIO_SERVER_PORT": port})
    with tempfile.NamedTemporaryFile(prefix="app-", suffix=".log") as log:
        process = subprocess.Popen(
            [str(python), *program],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        server = Server(f"http://127.0.0.1:{port}", home, Path(log.name), variables, process)
        try:
            _wait_until_ready(server)
            yield server
        finally:
            _stop(process)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"app.py ended with {server.process.returncode}:\n{server.log.read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(f"{server.url}/config", timeout=5):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise RuntimeError(f"app.py did not answer within {START_LIMIT_S} s:\n{server.log.read_text()[-4000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
