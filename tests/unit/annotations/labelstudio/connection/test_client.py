"""The seam to Label Studio meets what stands between it and the server: redirects, proxies, and short pages."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

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


class Pages(BaseHTTPRequestHandler):
    """Has three projects, and lists two of them at once however many are asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        self.asked.append(address.path)
        answer: dict[str, object] = {}
        if address.path == "/api/projects/":
            page = int(parse_qs(address.query)["page"][0])
            following = f"http://elsewhere.test/?page={page + 1}" if page == 1 else None
            listed = [{"id": number, "title": f"project {number}"} for number in ((1, 2) if page == 1 else (3,))]
            answer = {"count": 3, "next": following, "results": listed}
        body = json.dumps(answer).encode()
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Date", "Tue, 05 May 2026 10:20:30 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def redirecting() -> Iterator[str]:
    with serving(Redirect) as url:
        yield url


def test_projects_are_asked_for_page_by_page_and_no_page_too_many() -> None:
    Pages.asked = []
    with serving(Pages) as url, Client(url, KEY) as client:
        Pages.asked.clear()
        assert [project.id for project in client.projects()] == [1, 2, 3]
        assert Pages.asked == ["/api/projects/"] * 2


def test_every_answer_says_what_time_it_is_there() -> None:
    Pages.asked = []
    with serving(Pages) as url, Client(url, KEY) as client:
        Pages.asked.clear()
        assert client.last_answer_at == datetime(2026, 5, 5, 10, 20, 30, tzinfo=UTC)
        assert Pages.asked == []


def test_a_server_that_has_moved_is_not_followed_but_named(redirecting: str) -> None:
    with pytest.raises(LabelStudioError) as refused:
        Client(redirecting, KEY)
    assert refused.value.key == "label_studio_moved"
    assert refused.value.values["right"] == "https://labels.example.org/ls"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:9", "socks5://127.0.0.1:9"])
def test_this_machine_is_reached_past_every_proxy(
    redirecting: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(LabelStudioError) as refused:
        Client(redirecting, KEY)
    assert refused.value.key == "label_studio_moved"  # it was asked


@pytest.mark.parametrize(
    "variables", [{"ALL_PROXY": "socks5://127.0.0.1:9"}, {"HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "[::1]"}]
)
def test_a_proxy_that_cannot_be_used_is_said(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(LabelStudioError) as refused:
        Client("http://labels.example.org", KEY)
    assert refused.value.key == "label_studio_proxy"
