"""A reverse proxy that serves a server of loopback under a path of its own, as nginx does with `location /demo/`."""

import http.client
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_OWN = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}  # of one hop, not of what it carries


@contextmanager
def under(prefix: str, upstream: str) -> Iterator[str]:
    """Yield the address under which `upstream` is reached by way of `prefix`, such as "/demo"."""
    server = _Server(prefix, urlsplit(upstream).netloc)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{prefix}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, prefix: str, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.prefix, self.upstream = prefix, upstream

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that left: browsers end streams so."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        if not self.path.startswith(self.server.prefix + "/"):
            return self.send_error(404)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        headers |= {"Host": self.headers["Host"], "X-Forwarded-Proto": "http", "X-Forwarded-For": "127.0.0.1"}
        upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        try:
            upstream.request(self.command, self.path.removeprefix(self.server.prefix), body, headers)
            self._pass_on(upstream.getresponse())
        finally:
            upstream.close()

    do_POST = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_GET

    def _pass_on(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _OWN:
                self.send_header(name, value)
        self.send_header("Connection", "close")  # the end of the body is the end of the connection
        self.end_headers()
        if answer.length is not None:
            shutil.copyfileobj(answer, self.wfile)
        while part := answer.read1(1 << 16):  # a stream is handed on as it comes
            self.wfile.write(part)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
