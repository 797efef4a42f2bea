"""Uploads: how many parts, files and bytes, in one request, from one caller, and in all; broken ones don't stay.

Gradio writes each file to disk while it comes. What breaks off, or is too much, is told to its parser as an error of
the multipart body, upon which it removes what it has written.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections import deque
from pathlib import Path
from typing import Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.formparsers import MultiPartException

from mmdemo.guard.callers import Callers
from mmdemo.guard.layers.bodies import declared, patient
from mmdemo.guard.limits import KIB, MIB, RequestLimits
from mmdemo.guard.refusals import Refusal

log = logging.getLogger(__name__)

ROUTE = "/gradio_api/upload"
PARTS = 4  # of one request; page and gradio_client send one
FIELDS_KIB = 64  # what the parts may hold that are no files
SHARE = 4  # one caller may fill a quarter of the folder …
WINDOW_S = 600  # … in as long as what nobody asks about stays
FILE_BYTES = 256 * KIB  # what a file counts at least: a folder of a million small ones is slow
LOOK_S = 5  # how often the folder is looked at
UNFINISHED_S = 40  # after which a file that nobody writes to any more is no upload


class Folder:
    """The folder of uploads: how much lies there, and who sent how much of late."""

    def __init__(self, path: Path, limits: RequestLimits) -> None:
        self.path = path
        self._most = limits.upload_folder_bytes
        self._size = 0
        self._recent: deque[tuple[float, str, int]] = deque()
        self._sent: dict[str, int] = {}

    def admit(self, caller: str, size: int) -> None:
        """Note that `caller` sends `size` more bytes. Raises Refusal where they are too many."""
        now = time.monotonic()
        self._forget(now)
        sent = self._sent.get(caller, 0) + size
        if sent > self._most // SHARE:
            raise Refusal(429, "uploads_share_used", minutes=WINDOW_S // 60)
        if self._size + size > self._most:
            raise Refusal(503, "uploads_full")
        self._size += size
        self._sent[caller] = sent
        self._recent.append((now, caller, size))

    def _forget(self, now: float) -> None:
        while self._recent and now - self._recent[0][0] > WINDOW_S:
            _, caller, size = self._recent.popleft()
            self._sent[caller] -= size
            if not self._sent[caller]:
                del self._sent[caller]

    def sweep(self) -> int:
        """Remove unfinished files that nobody writes to any more; return the size of the rest, in bytes.

        Gradio writes into the folder itself, and moves what is finished into a folder of its own.
        """
        size = 0
        for folder, _, names in os.walk(self.path):
            for path in (Path(folder, name) for name in names):
                with contextlib.suppress(FileNotFoundError):  # answered, and gone, meanwhile
                    status = path.stat()
                    if path.parent == self.path and time.time() - status.st_mtime > UNFINISHED_S:
                        path.unlink()
                    else:
                        size += max(status.st_size, FILE_BYTES)
        return size

    async def look_after(self) -> None:
        """Sweep again and again, until cancelled."""
        while True:
            try:
                self._size = await asyncio.to_thread(self.sweep)
            except OSError as error:
                log.warning("The folder of uploads cannot be swept: %s", error)
            await asyncio.sleep(LOOK_S)


class Uploads:
    """Answers 413, 400 or 429 to uploads that are too much; hands what is no upload to `others`."""

    def __init__(self, app: Any, others: Any, limits: RequestLimits, callers: Callers, folder: Folder) -> None:
        self._app = app
        self._others = others
        self._limits = limits
        self._callers = callers
        self._folder = folder

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] != ROUTE:
            await self._others(scope, receive, send)
            return
        if declared(scope) > PARTS * self._limits.upload_bytes + FIELDS_KIB * KIB:
            raise too_large(self._limits)
        upload = UploadReader(scope, self._limits, self._folder, self._callers.of_scope(scope))
        piece, refusal, broken = patient(receive, self._limits), None, False

        async def measured() -> Any:
            nonlocal refusal, broken
            try:
                message = await piece()
                if message["type"] == "http.request":
                    upload.feed(message.get("body", b""))
                    return message
            except Refusal as error:
                refusal = error
            broken = True
            raise MultiPartException("broken off")

        async def answer(message: Any) -> None:
            if not broken:
                await send(message)

        # An upload's id would be remembered for good; only upload_progress, which is closed, asks for it.
        await self._app({**scope, "query_string": b""}, measured, answer)
        if refusal is not None:
            raise refusal


class UploadReader:
    """Reads one multipart body along with Gradio, and counts."""

    def __init__(self, scope: Any, limits: RequestLimits, folder: Folder, caller: str) -> None:
        """Raises Refusal where this is no multipart body."""
        self._limits, self._folder, self._caller = limits, folder, caller
        self._parts = self._size = self._fields = 0
        self._name, self._value, self._is_file = b"", b"", False
        kind, options = parse_options_header(dict(scope["headers"]).get(b"content-type", b""))
        callbacks: Any = {
            "on_part_begin": self._begin,
            "on_header_field": self._header_name,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._data,
        }
        try:
            if kind != b"multipart/form-data":
                raise FormParserError("another type")
            self._parser = MultipartParser(options[b"boundary"], callbacks)
        except (KeyError, FormParserError) as error:
            raise Refusal(400, "body_unreadable") from error

    def feed(self, body: bytes) -> None:
        """Read on. Raises Refusal."""
        try:
            self._parser.write(body)
        except FormParserError as error:
            raise Refusal(400, "body_unreadable") from error

    def _begin(self) -> None:
        self._parts += 1
        self._size, self._is_file = 0, False
        if self._parts > PARTS:
            raise Refusal(400, "too_many_files", limit=PARTS)
        self._folder.admit(self._caller, FILE_BYTES)

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]  # the parser itself bounds it

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._is_file = b"filename" in parse_options_header(self._value)[1]
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        if not self._is_file:  # a field, which is held in memory
            self._fields += end - start
            if self._fields > FIELDS_KIB * KIB:
                raise Refusal(413, "body_too_large", limit=FIELDS_KIB)
            return
        self._size += end - start
        if self._size > self._limits.upload_bytes:
            raise too_large(self._limits)
        self._folder.admit(self._caller, max(0, min(end - start, self._size - FILE_BYTES)))


def too_large(limits: RequestLimits) -> Refusal:
    """Return what to say of a file that no task takes."""
    return Refusal(413, "file_too_large", limit=limits.upload_bytes // MIB)
