"""A real Label Studio server as a process of its own: on loopback, with its own data folder, reporting to nobody."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from annotations.labelstudio.connection.local_server import QUIET
from mmdemo.settings import ROOT
from tests import serving

ENVIRONMENT = ROOT / ".venv-labelstudio"
PROGRAM = ENVIRONMENT / "bin" / "label-studio"
DATABASE = "label_studio.sqlite3"  # in a data folder
START_LIMIT_S = 240  # on an empty folder, two hundred migrations, on a busy machine
STOP_LIMIT_S = 20
EMAIL, PASSWORD, TOKEN = "admin@example.com", "Passw0rd_123", "0123456789abcdef" * 2 + "01234567"


@dataclass(frozen=True)
class LabelStudioServer:
    """A running server."""

    url: str  # at which its callers find it
    own: str  # at which this machine does
    data: Path  # its data folder; uploads lie under media/
    token: str = TOKEN  # a legacy token
    email: str = EMAIL
    password: str = PASSWORD


@contextmanager
def running(
    data: Path,
    port: int | None = None,
    open_signup: bool = False,
    address: str = "",
    like: LabelStudioServer | None = None,
) -> Iterator[LabelStudioServer]:
    """Run the server on a new folder `data` until the block ends: an empty one, or a copy of that of `like`.

    The copy has whoever may enter there, and spares the first start most of a minute. `address`: under which its
    callers reach it, where that is not its own. Raises RuntimeError.
    """
    copy(like.data, data) if like else data.mkdir()
    own = f"http://127.0.0.1:{port or serving.free_port()}"
    named = like or LabelStudioServer(own, own, data)
    server = replace(named, url=(address or own).rstrip("/"), own=own, data=data)
    with _process(server, address or own, open_signup):
        yield server


def copy(data: Path, to: Path) -> None:
    """Copy what is in a data folder, but for uploads, into a new one; its server may be running."""
    to.mkdir()
    with closing(sqlite3.connect(data / DATABASE)) as there, closing(sqlite3.connect(to / DATABASE)) as here:
        there.backup(here)


@contextmanager
def _process(server: LabelStudioServer, address: str, open_signup: bool) -> Iterator[None]:
    with tempfile.NamedTemporaryFile(prefix="label-studio-", suffix=".log") as log:
        process = subprocess.Popen(
            [
                *(str(PROGRAM), "start", "--no-browser", "--data-dir", str(server.data), "--log-level", "WARNING"),
                *("--internal-host", "127.0.0.1", "-p", server.own.rsplit(":", 1)[1]),
                *("--username", server.email, "--password", server.password, "--user-token", server.token),
            ],
            env={**_outside(), **_quiet(open_signup), "LABEL_STUDIO_HOST": address},
            cwd=server.data,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_healthy(server.own, process, Path(log.name))
            yield
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
