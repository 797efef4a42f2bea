"""Serves an ASGI application in a thread of its own, by a uvicorn whose limits are ours.

Gradio's own server takes none of uvicorn's options, and believes X-Forwarded-For of whoever comes from this machine.
"""

import contextlib
import functools
import logging
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import uvicorn

from mmdemo.guard.callers import Callers
from mmdemo.guard.connections import Connection, ConnectionPlaces
from mmdemo.guard.limits import RequestLimits

resource: Any = None
with contextlib.suppress(ImportError):  # Windows counts otherwise
    import resource

log = logging.getLogger(__name__)

START_LIMIT_S = 60  # a busy machine
STOP_LIMIT_S = 5  # for answers that are being given
BACKLOG = 128  # connections that the kernel holds until they are looked at; each is a descriptor once it is
SPARE_DESCRIPTORS = 256  # for files, the database and child processes


@dataclass(frozen=True)
class Serving:
    """A running server."""

    server: uvicorn.Server
    thread: threading.Thread

    def close(self) -> None:
        """End it and wait until its port is free, but not for ever."""
        self.server.should_exit = True
        self.thread.join(STOP_LIMIT_S + 1)


def start(app: Any, host: str, port: int, limits: RequestLimits, callers: Callers) -> Serving:
    """Serve `app` and return once it answers. Raises OSError where the address can't be used, RuntimeError."""
    places = ConnectionPlaces(limits, callers)
    config = uvicorn.Config(
        app,
        http=functools.partial(Connection, places=places),  # type: ignore[arg-type]
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # callers.py
        server_header=False,
        timeout_graceful_shutdown=STOP_LIMIT_S,
        backlog=BACKLOG,
    )
    sockets = _listen(host, port)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=(sockets,), daemon=True, name="server")
    _allow_descriptors(limits.connections + SPARE_DESCRIPTORS)
    thread.start()
    deadline = time.monotonic() + START_LIMIT_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            raise RuntimeError("the server did not start")
        time.sleep(0.005)
    return Serving(server, thread)


def _listen(host: str, port: int) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    try:
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((info[0], info[4]) for info in infos):
            sockets.append(socket.create_server(address, family=family, backlog=BACKLOG))  # type: ignore[arg-type]
    except OSError:
        for listener in sockets:
            listener.close()
        raise
    return sockets


def _allow_descriptors(wanted: int) -> None:
    """Let this process hold so many files and connections, where its host permits; else say what is missing."""
    if resource is None:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        log.warning(
            "This process may hold %d files; lower MMDEMO_MAX_CONNECTIONS, or raise the limit to %d", hard, wanted
        )
