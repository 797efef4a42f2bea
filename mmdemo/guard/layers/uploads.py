"""Uploads: how many parts, files and bytes, in one request, from one caller, and in all; broken ones don't stay.

Gradio writes each file to disk while it comes. What breaks off, or is too much, is told to its parser as an error of
the multipart body, upon which it removes what it has written.
"""

import asyncio
import contextlib
import json
import logging
import os
import time
from collections import Counter, deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
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
SHARE = 4  # one caller may fill a quarter of the folder
WINDOW_S = 600  # for which what was sent and became no file counts, too
FILE_BYTES = 256 * KIB  # what a file counts at least: a folder of a million small ones is slow
LOOK_S = 5  # how often the folder is looked at
UNFINISHED_S = 40  # after which a file that nobody writes to any more is no upload


@dataclass
class SentPiece:
    """What a caller sent that is no file yet; 0 bytes of it count where it became one, or where its time is over."""

    at: float
    caller: str
    size: int


class Folder:
    """The folder of uploads: how much lies there, and how much of that is whose."""

    def __init__(self, path: Path, limits: RequestLimits) -> None:
        self.path = path
        self._most = limits.upload_folder_bytes
        self._size = 0
        self._recent: deque[SentPiece] = deque()
        self._sent: Counter[str] = Counter()  # caller → bytes of its pieces
        self._files: dict[str, dict[Path, int]] = {}  # caller → its files that lie there, and their bytes

    def admit(self, caller: str, size: int) -> SentPiece:
        """Note that `caller` sends `size` more bytes. Raises Refusal where they are too many."""
        now = time.monotonic()
        while self._recent and now - self._recent[0].at > WINDOW_S:
            self._drop(self._recent.popleft())
        if self._sent[caller] + sum(self._files.get(caller, {}).values()) + size > self._most // SHARE:
            raise Refusal(429, "uploads_share_used", minutes=WINDOW_S // 60)
        if self._size + size > self._most:
            raise Refusal(503, "uploads_full")
        self._size += size
        self._sent[caller] += size
        self._recent.append(SentPiece(now, caller, size))
        return self._recent[-1]

    def settle(self, pieces: Sequence[SentPiece], paths: Collection[Path]) -> None:
        """Note that all pieces of an upload became these files, which count for as long as they lie there.

        Whoever sends the same file again has one there: Gradio calls it by its content.
        """
        files, size = self._files.setdefault(pieces[0].caller, {}), sum(piece.size for piece in pieces) // len(paths)
        self._size -= sum(size for path in paths if path in files)
        files |= dict.fromkeys(paths, size)
        for piece in pieces:
            self._drop(piece)

    def _drop(self, piece: SentPiece) -> None:
        self._sent[piece.caller] -= piece.size
        piece.size = 0
        if not self._sent[piece.caller]:
            del self._sent[piece.caller]

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
                gone = await asyncio.to_thread(self._gone, [path for files in self._files.values() for path in files])
                self._files = {
                    caller: left
                    for caller, files in self._files.items()
                    if (left := {path: size for path, size in files.items() if path not in gone})
                }
            except OSError as error:
                log.warning("The folder of uploads cannot be swept: %s", error)
            await asyncio.sleep(LOOK_S)

    @staticmethod
    def _gone(paths: Collection[Path]) -> set[Path]:
        return {path for path in paths if not path.exists()}


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
        status, response = 0, b""

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
            nonlocal status, response
            status = message.get("status", status)
            response += message.get("body", b"")
            if not broken:
                await send(message)

        # An upload's id would be remembered for good; only upload_progress, which is closed, asks for it. What is
        # answered is read here too, so it comes unpacked.
        headers = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
        await self._app({**scope, "headers": headers, "query_string": b""}, measured, answer)
        if refusal is not None:
            raise refusal
        if status == 200 and not broken:
            upload.settle(response)


class UploadReader:
    """Reads one multipart body along with Gradio, and counts."""

    def __init__(self, scope: Any, limits: RequestLimits, folder: Folder, caller: str) -> None:
        """Raises Refusal where this is no multipart body."""
        self._limits, self._folder, self._caller = limits, folder, caller
        self._parts = self._size = self._fields = 0
        self._name, self._value, self._is_file = b"", b"", False
        self._pieces: list[SentPiece] = []
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

    def settle(self, response: bytes) -> None:
        """Note which files came of it: Gradio's answer is a list of their paths."""
        names = json.loads(response)
        if isinstance(names, list) and names and self._pieces:
            self._folder.settle(self._pieces, [Path(name) for name in names])

    def _admit(self, size: int) -> None:
        self._pieces.append(self._folder.admit(self._caller, size))

    def _begin(self) -> None:
        self._parts += 1
        self._size, self._is_file = 0, False
        if self._parts > PARTS:
            raise Refusal(400, "too_many_files", limit=PARTS)
        self._admit(FILE_BYTES)

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
        if self._size > FILE_BYTES:
            self._admit(min(end - start, self._size - FILE_BYTES))


def too_large(limits: RequestLimits) -> Refusal:
    """Return what to say of a file that no task takes."""
    return Refusal(413, "file_too_large", limit=limits.upload_bytes // MIB)
