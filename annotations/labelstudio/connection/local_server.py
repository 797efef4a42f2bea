"""A Label Studio server of one's own: on this machine alone, for people who were invited, reporting to nobody.

Everything of it lies in `label-studio` under the home folder: its data, its log, and how to get in. Settings read the
latter where no other server is named, so nothing has to be copied anywhere.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import httpx

from mmdemo import whole_file
from mmdemo.errors import LabelStudioError
from mmdemo.settings import OWN_SERVER, ROOT, Settings

HOST, PORT = "127.0.0.1", 8080  # where nobody else listens yet
START_LIMIT_S = 300  # the first start makes some two hundred tables, on a busy machine in minutes
STOP_LIMIT_S = 20
EMAIL = "annotator@example.com"
QUIET = {  # environment of a server that sends nothing anywhere, and takes nobody in without an invitation
    "COLLECT_ANALYTICS": "false",
    "LABEL_STUDIO_COLLECT_ANALYTICS": "false",
    "LABEL_STUDIO_LATEST_VERSION_CHECK": "false",
    "SENTRY_DSN": "",  # its default is an address outside
    "FRONTEND_SENTRY_DSN": "",
    "LABEL_STUDIO_DISABLE_SIGNUP_WITHOUT_LINK": "true",
    "LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true",
    "DEBUG": "false",
}


@dataclass(frozen=True)
class Access:
    """How to get into the server; what is written down."""

    url: str
    email: str
    password: str
    key: str  # a legacy token: 40 hex digits
    media: str  # its media folder, so that what is erased here is erased there
    pid: int = 0  # of the server, 0 where it was never started


def up(settings: Settings) -> tuple[Access, bool]:
    """Have the server run, and return how to get in and whether it was started now. Raises LabelStudioError."""
    folder = settings.home / OWN_SERVER.parent
    access = _read(settings)
    if settings.label_studio_url and (access is None or settings.label_studio_url != access.url):
        raise LabelStudioError("label_studio_elsewhere", url=settings.label_studio_url)
    if access is not None and _is_ours(access.pid, folder):
        _wait(access, folder)
        return access, False
    own = ROOT / ".venv-labelstudio" / "bin" / "label-studio"
    program = str(own) if own.is_file() else shutil.which("label-studio")
    if program is None:
        raise LabelStudioError("label_studio_not_installed", place=ROOT / ".venv-labelstudio")
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    access = access or Access(
        "", EMAIL, secrets.token_urlsafe(12), secrets.token_hex(20), str(folder / "data" / "media")
    )
    port = _free_port(access.url)
    access = replace(access, url=f"http://{HOST}:{port}", pid=0)
    _write(settings, access)
    access = replace(access, pid=_start(program, folder, access, port).pid)
    _write(settings, access)
    _wait(access, folder)
    return access, True


def down(settings: Settings) -> bool:
    """End the server if it runs; return whether it did."""
    access = _read(settings)
    if access is None or not _is_ours(access.pid, settings.home / OWN_SERVER.parent):
        return False
    os.kill(access.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_LIMIT_S
    while _is_ours(access.pid, settings.home / OWN_SERVER.parent):
        if time.monotonic() > deadline:
            os.kill(access.pid, signal.SIGKILL)
            break
        time.sleep(0.1)
    return True


def _start(program: str, folder: Path, access: Access, port: int) -> subprocess.Popen[bytes]:
    data = folder / "data"
    data.mkdir(exist_ok=True)
    others = {name: value for name, value in os.environ.items() if not name.startswith(("LABEL_STUDIO_", "HEARTEX_"))}
    # In the environment, which only its user can read; a command line is read by everybody.
    own = {"USERNAME": access.email, "PASSWORD": access.password, "USER_TOKEN": access.key, "HOST": access.url}
    words = ["start", "--no-browser", "--data-dir", str(data), "--log-level", "WARNING"]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [program, *words, "--internal-host", HOST, "-p", str(port)],
            env={**others, **QUIET, **{f"LABEL_STUDIO_{name}": value for name, value in own.items()}},
            cwd=data,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it goes on when this command ends, and past Ctrl-C in its terminal
            umask=0o077,
        )


def _wait(access: Access, folder: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    with httpx.Client(base_url=access.url, timeout=5, trust_env=False) as client:  # each reads all certificates first
        while not _answers(client):
            if not _is_ours(access.pid, folder) or time.monotonic() > deadline:
                raise LabelStudioError("label_studio_not_started", log=folder / "log")
            time.sleep(0.3)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _is_ours(pid: int, folder: Path) -> bool:
    """Whether a process runs under that number and is this server: numbers are given out again."""
    if not pid:
        return False
    listing = subprocess.run(["ps", "-ww", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True)
    return str(folder / "data") in listing.stdout and not listing.stdout.startswith("Z")


def _free_port(url: str) -> int:
    """Return the port it had, or the usual one, where it is free; else any that is."""
    had = int(url.rsplit(":", 1)[1]) if url else PORT
    for port in (had, PORT, 0):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((HOST, port))
            except OSError:
                continue
            return int(tried.getsockname()[1])
    raise AssertionError("no port is free")


def _read(settings: Settings) -> Access | None:
    try:
        return Access(**json.loads((settings.home / OWN_SERVER).read_text("utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise LabelStudioError("label_studio_access", file=settings.home / OWN_SERVER, detail=error) from error


def _write(settings: Settings, access: Access) -> None:
    with whole_file.replacing(settings.home / OWN_SERVER) as file:
        file.write(json.dumps(asdict(access), indent=1).encode())
