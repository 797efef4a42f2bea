"""Files that callers send: nothing else is ever read for them, and what they sent goes soon after it was answered.

Of one caller one is read at a time, so that files that are slow to read keep nobody else from an answer; the page's
samples are read in turns of their own (`mmdemo.ui.queueing.turns`).
"""

import contextlib
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gradio.utils import get_upload_folder

from mmdemo.errors import BadInput
from mmdemo.ui.callers import arguments

# Gradio names an upload by its content, so two who send the same file share one path: it must outlive the first call.
GRACE_S = 30


def check(name: str) -> Path:
    """Return the path of an uploaded file. Raises BadInput for an address, another path, or a file that is gone."""
    path = Path(name)
    try:
        uploaded = not urlsplit(name).netloc and path.resolve().is_relative_to(folder())
        gone = not path.is_file()
    except (ValueError, OSError):  # a zero byte, or longer than any path can be
        uploaded = gone = False
    if not uploaded:
        raise BadInput("not_uploaded")
    if gone:
        raise BadInput("upload_gone")
    return path


def of(value: Any, field: str) -> Path | None:
    """Return the uploaded file that an endpoint was handed as `field`, None for nothing. Raises BadInput."""
    if value is None or value == "":
        return None
    if not isinstance(value, dict) or not isinstance(value.get("path"), str):
        raise BadInput("not_a_file", field=field)
    return check(value["path"])


def remove(*paths: Path | None) -> None:
    """Remove uploads at once: those of the page, which names each for its visit, so that nobody shares them."""
    for path in paths:
        if path is not None:
            _unlink(path)


def remove_of(token: str) -> None:
    """Remove at once what the page uploaded for this visit, and nobody asked about any more."""
    if arguments.TOKEN.fullmatch(token):
        remove(*folder().glob(f"*/*-{token}*"))


def folder() -> Path:
    """Return the folder in which Gradio puts what is uploaded."""
    return Path(get_upload_folder()).resolve()


def named_in(value: Any) -> list[str]:
    """Return every path or address that a call's inputs give as a file."""
    if isinstance(value, dict):
        own = [value["path"]] if isinstance(value.get("path"), str) and "meta" in value else []
        return own + [name for item in value.values() for name in named_in(item)]
    if isinstance(value, list | tuple):
        return [name for item in value for name in named_in(item)]
    return []


class Discards:
    """Files that go in a while. One thread waits for all of them: a caller a second would otherwise hold thirty."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self._grace_s = grace_s
        self._lock = threading.Lock()
        self._due: deque[tuple[float, Path]] = deque()  # soonest first
        self._waiting = False

    def add(self, *paths: Path | None) -> None:
        """Remove these later, unless somebody has sent the same file again by then."""
        with self._lock:
            self._due.extend((time.monotonic() + self._grace_s, path) for path in paths if path is not None)
            self._wait()

    def _wait(self) -> None:
        if self._waiting or not self._due:
            return
        timer = threading.Timer(max(0.0, self._due[0][0] - time.monotonic()), self._sweep)
        timer.daemon = True  # never keeps the process; Gradio clears the rest when it ends
        timer.start()
        self._waiting = True

    def _sweep(self) -> None:
        over = []
        with self._lock:
            while self._due and self._due[0][0] <= time.monotonic():
                over.append(self._due.popleft()[1])
            self._waiting = False
            self._wait()
        for path in over:
            _remove(path, self._grace_s)


def _remove(path: Path, grace_s: float) -> None:
    try:
        if time.time() - path.stat().st_mtime >= grace_s:
            _unlink(path)
    except OSError:
        return  # already gone


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):  # already gone, or its folder holds another's file of the same content
        path.unlink()
        path.parent.rmdir()


@dataclass(frozen=True)
class ReadingTurns:
    """Lets the threads of each caller through one by one."""

    _locks: weakref.WeakValueDictionary[str, threading.Lock] = field(default_factory=weakref.WeakValueDictionary)
    _making: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def take(self, caller: str) -> Iterator[None]:
        """Wait for the caller's turn, and hold it while the block lasts."""
        with self._making:
            own = self._locks.setdefault(caller, threading.Lock())  # gone with the last who holds it
        with own:
            yield
