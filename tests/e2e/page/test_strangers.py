"""What a stranger may try against the real app: each kind once, small; the next visitor is answered all the same."""

import contextlib
import http.client
import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, Page

from mmdemo import locale, tasks
from tests import serving

STRANGER = "127.0.0.66"
SETTINGS = {"MMDEMO_MAX_WAIT_S": "3", "MMDEMO_MAX_UPLOADS_MB": "600"}


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Server]:
    folder = tmp_path_factory.mktemp("strangers")
    with serving.serve(folder / "home", TMPDIR=str(folder), **SETTINGS) as server:
        yield server


@pytest.fixture(scope="module")
def client(app: serving.Server) -> Client:
    return Client(app.url, verbose=False)


@pytest.fixture(autouse=True)
def _the_next_visitor_is_answered(client: Client) -> Iterator[None]:
    yield
    example = tasks.get("sentiment").examples[0]
    answer = client.predict(
        "sentiment", handle_file(example.image), example.text, None, "none", False, api_name="/predict"
    )
    assert answer["modalities"] == ["image", "text"]


def ask(app: serving.Server, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    """Return status and sentence of one request from another address."""
    parts = urlsplit(app.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30, source_address=(STRANGER, 0))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body, named)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return response.status, json.loads(text)["detail"] if response.status >= 400 else text.decode("utf-8", "replace")


def sentence(key: str, language: str = "en", **values: object) -> str:
    return locale.text(f"guard.{key}", language, **values)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/process_recording"),
        ("GET", "/gradio_api/file=http://127.0.0.1:9/"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("POST", "/gradio_api/component_server"),
        ("GET", "/gradio_api/queue/status"),
        ("POST", "/gradio_api/api/predict"),
        ("GET", "/monitoring"),
        ("POST", "/login"),
        ("OPTIONS", "/gradio_api/queue/join"),
    ],
)
def test_routes_that_nobody_needs_are_not_there(app: serving.Server, method: str, path: str) -> None:
    assert ask(app, method, path, b"{}" if method == "POST" else None) == (404, sentence("no_such_route"))


def test_a_large_body_is_refused_in_the_callers_language(app: serving.Server) -> None:
    body = b'{"data": ["' + b"x" * 5_000_000 + b'"]}'
    refusal = ask(app, "POST", "/gradio_api/run/page_ready", body, Accept_Language="zh-CN")
    assert refusal == (413, sentence("body_too_large", "zh", limit=256))


def test_a_deep_body_is_refused(app: serving.Server) -> None:
    assert ask(app, "POST", "/gradio_api/queue/join", b"[" * 50_000) == (400, sentence("body_too_deep"))


def form(*parts: bytes, disposition: str = 'name="files"; filename="a.png"') -> bytes:
    head = f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()
    return b"".join(head + part + b"\r\n" for part in parts) + b"--b--\r\n"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (form(*[b"x"] * 1000), 400),
        (form(b"x" * 1_000_000, disposition='name="files"'), 413),
        (form(b"x" * 60_000_000), 413),
        (b"nonsense", 400),
    ],
    ids=["a thousand files", "a field of a megabyte", "a file of 60 MB", "nonsense"],
)
def test_an_upload_that_is_too_much_leaves_no_file(app: serving.Server, body: bytes, status: int) -> None:
    before = uploaded(app)
    assert ask(app, "POST", "/gradio_api/upload", body, Content_Type="multipart/form-data; boundary=b")[0] == status
    assert uploaded(app) == before


def test_an_upload_that_breaks_off_leaves_no_file(app: serving.Server) -> None:
    before = uploaded(app)
    head = "POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
    with connect(app) as breaking:
        breaking.sendall(f"{head}Content-Length: 1000000\r\n\r\n".encode() + form(b"x" * 500_000)[:400_000])
        wait_until(lambda: uploaded(app) != before)
    wait_until(lambda: uploaded(app) == before)


def test_half_requests_by_the_hundred_shut_nobody_out_and_end(app: serving.Server) -> None:
    crowd = []
    for _ in range(300):
        crowd.append(connect(app))
        with contextlib.suppress(OSError):  # refused already
            crowd[-1].sendall(b"GET / HTTP/1.1\r\nHost: a\r\nX-Half: ")
    assert ask(app, "HEAD", "/")[0] == 200
    for connection in crowd:
        connection.close()


def test_no_log_grows_with_what_is_thrown_at_it(app: serving.Server) -> None:
    before = app.log.stat().st_size
    for _ in range(300):
        with connect(app) as connection, contextlib.suppress(OSError):
            connection.sendall(b"\x00nonsense\r\n\r\n")
            connection.recv(100)
    assert app.log.stat().st_size - before < 10_000


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}])
def test_a_page_elsewhere_changes_nothing(app: serving.Server, headers: dict[str, str]) -> None:
    assert ask(app, "POST", "/gradio_api/queue/join", b"{}", **headers) == (403, sentence("other_origin"))


@pytest.mark.parametrize("http", ["HTTP/1.0", "HTTP/1.1"])
def test_review_without_a_key_is_for_a_socket_and_a_host_of_this_machine(app: serving.Server, http: str) -> None:
    """An old proxy on this machine speaks HTTP/1.0, and names this machine where a visitor had named the page."""
    body = b'{"data": ["", []]}'
    head = f"POST /gradio_api/run/review_thumbnails {http}\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    with connect(app) as connection:
        connection.sendall(head.encode() + body)
        text = b"".join(iter(lambda: connection.recv(2**16), b"")).decode()
    assert ("no review key is set" in text) == (http == "HTTP/1.0"), text


def test_the_client_lists_what_can_be_called(client: Client) -> None:
    assert set(client.view_api(return_format="dict")["named_endpoints"]) >= {"/predict", "/suggest", "/queue"}


@pytest.mark.parametrize("tab", ["predict", "review", "status"])
def test_the_browser_refuses_nothing_that_the_page_needs(
    app: serving.Server, new_page: Callable[..., Page], tab: str
) -> None:
    page, said = new_page(), []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{app.url}/?tab={tab}")
    page.locator(f"#mm-tab-{tab} .mm-part").first.wait_for()
    page.wait_for_load_state("networkidle")
    assert said == []


def test_no_page_elsewhere_frames_this_one(app: serving.Server, browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page()
    (tmp_path / "frame.html").write_text(f'<iframe src="{app.url}"></iframe>')
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto((tmp_path / "frame.html").as_uri())
    page.wait_for_timeout(1000)
    page.close()
    assert any("frame-ancestors" in text for text in said), said


def connect(app: serving.Server) -> socket.socket:
    parts = urlsplit(app.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=10, source_address=(STRANGER, 0))


def uploaded(app: serving.Server) -> list[Path]:
    """Return the files that lie in the app's folder of uploads."""
    folder = app.home.parent
    return sorted(path for path in folder.glob("mmdemo-uploads-*/**/*") if path.is_file())


def wait_until(fact: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.05)
