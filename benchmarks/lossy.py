"""A proxy on loopback that stands before a server and, when it is told to, is away or keeps an answer to itself."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PASS, REFUSE, LOSE = "pass", "refuse", "lose"  # the last: the server acts, and nobody hears of it
_OWN = {"connection", "keep-alive", "transfer-encoding", "content-length"}  # headers of one connection
_LIMIT_S = 120


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target: str, fate: Callable[[], str]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.target, self.fate = urlsplit(target).netloc, fate

    def handle_error(self, *_: object) -> None:
        """Say nothing: the client was killed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def do_GET(self) -> None:
        fate = self.server.fate()
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if fate == REFUSE:
            self._hang_up()
            return
        upstream = http.client.HTTPConnection(self.server.target, timeout=_LIMIT_S)
        try:
            upstream.request(self.command, self.path, body, dict(self.headers))
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if fate == LOSE:
            self._hang_up()
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OWN:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def before(target: str, fate: Callable[[], str]) -> Iterator[str]:
    """Yield the address of a proxy before `target`, which asks `fate` about every request: one of the words above."""
    server = _Proxy(target, fate)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
