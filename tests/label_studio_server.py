"""A real Label Studio server as a process of its own: on loopback, with its own data folder, reporting to nobody."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from annotations.labelstudio.server import QUIET
from mmdemo.settings import ROOT
from tests import serving

ENVIRONMENT = ROOT / ".venv-labelstudio"
PROGRAM = ENVIRONMENT / "bin" / "label-studio"
TEMPLATE = ENVIRONMENT / "empty-data"  # a data folder as the first start leaves it: later ones begin with a copy
START_LIMIT_S = 240  # the first start, on a busy machine
STOP_LIMIT_S = 20
EMAIL, PASSWORD, TOKEN = "admin@example.com", "Passw0rd_123", "0123456789abcdef" * 2 + "01234567"


@dataclass(frozen=True)
class LabelStudioServer:
    """A running server."""

    url: str  # at which its callers find it
    own: str  # at which this machine does
    data: Path  # its data folder; uploads lie under media/
    token: str = TOKEN  # a legacy token


@contextmanager
def running(
    data: Path, port: int | None = None, open_signup: bool = False, address: str = ""
) -> Iterator[LabelStudioServer]:
    """Run the server on `data` until the block ends, on an empty one where there is none. Raises RuntimeError.

    `address`: under which its callers reach it, where that is not its own.
    """
    if not data.exists():
        shutil.copytree(_template(), data)
    with _process(data, port or serving.free_port(), open_signup, address) as server:
        yield server


def _template() -> Path:
    if not TEMPLATE.exists():
        with tempfile.TemporaryDirectory(dir=ENVIRONMENT) as folder:
            made = Path(folder) / "data"
            made.mkdir()
            with _process(made, serving.free_port()):
                pass  # two hundred migrations take most of a minute
            os.replace(made, TEMPLATE)
    return TEMPLATE


@contextmanager
def _process(data: Path, port: int, open_signup: bool = False, address: str = "") -> Iterator[LabelStudioServer]:
    own = f"http://127.0.0.1:{port}"
    with tempfile.NamedTemporaryFile(prefix="label-studio-", suffix=".log") as log:
        process = subprocess.Popen(
            [
                *(str(PROGRAM), "start", "--no-browser", "--data-dir", str(data), "--log-level", "WARNING"),
                *("--internal-host", "127.0.0.1", "-p", str(port)),
                *("--username", EMAIL, "--password", PASSWORD, "--user-token", TOKEN),
            ],
            env={**_outside(), **_quiet(open_signup), "LABEL_STUDIO_HOST": address or own},
            cwd=data,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        server = LabelStudioServer((address or own).rstrip("/"), own, data)
        try:
            _wait_until_healthy(own, process, Path(log.name))
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _quiet(open_signup: bool) -> dict[str, str]:
    return {**QUIET, "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "false" if open_signup else "true"}


def _outside() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("LABEL_STUDIO_", "HEARTEX_"))}


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"label-studio ended with {process.returncode}:\n{log.read_text()[-4000:]}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.3)
    raise RuntimeError(f"label-studio did not answer within {START_LIMIT_S} s:\n{log.read_text()[-4000:]}")
