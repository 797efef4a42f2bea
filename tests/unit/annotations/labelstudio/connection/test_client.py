"""The seam to Label Studio meets what stands between it and the server: redirects and proxies."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from annotations.labelstudio.connection.client import Client
from mmdemo.errors import LabelStudioError

KEY = "0123456789abcdef0123456789abcdef01234567"


class Redirect(BaseHTTPRequestHandler):
    """Sends everybody to the same path of another host, as a server does that wants https."""

    def do_GET(self) -> None:
        self.send_response(301)
        self.send_header("Location", f"https://labels.example.org/ls{self.path}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def redirecting() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Redirect)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_server_that_has_moved_is_not_followed_but_named(redirecting: str) -> None:
    with pytest.raises(LabelStudioError) as told:
        Client(redirecting, KEY)
    assert told.value.key == "label_studio_moved"
    assert told.value.values["right"] == "https://labels.example.org/ls"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_this_machine_is_reached_past_every_proxy(
    redirecting: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(LabelStudioError) as told:
        Client(redirecting, KEY)
    assert told.value.key == "label_studio_moved"  # it was asked


@pytest.mark.parametrize(
    "variables", [{"ALL_PROXY": "socks5://127.0.0.1:9"}, {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "[::1]"}]
)
def test_a_proxy_that_cannot_be_used_is_said(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LabelStudioError) as told:
        Client("http://labels.example.org", KEY)
    assert told.value.key == "label_studio_proxy"
