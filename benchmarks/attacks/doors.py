"""Against what stands before Gradio: routes, bodies, uploads, connections, and whose request it is."""

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from benchmarks.attacks.stranger import Stranger, filler, part, status

FILE = 'name="files"; filename="a.png"'
END = b"\r\n--b--\r\n"
CLOSED = (
    ("POST", "/gradio_api/process_recording"),
    ("GET", "/gradio_api/file=http://127.0.0.1:9/"),
    ("GET", "/gradio_api/file=/etc/passwd"),
    ("POST", "/gradio_api/component_server"),
    ("POST", "/gradio_api/vibe-edit"),
    ("GET", "/monitoring"),
)


def closed_routes(stranger: Stranger) -> str:
    """Ask for what Gradio offers and nobody needs."""
    return _counted(stranger.ask(method, path) for method, path in CLOSED)


def large_json(stranger: Stranger) -> str:
    """Send 60 MB of JSON to a route of the page."""
    return stranger.post("/gradio_api/run/page_ready", b'{"data": ["' + b"x" * 60_000_000 + b'"]}')


def large_json_of_unknown_length(stranger: Stranger) -> str:
    """Send 60 MB in chunks, and say nothing of how many come."""
    chunks = (b"100000\r\n" + block + b"\r\n" for block in filler(60 * 2**20))
    with contextlib.closing(stranger.connect()) as connection:
        head = b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        with contextlib.suppress(OSError):
            connection.sendall(head)
            for chunk in chunks:
                connection.sendall(chunk)
        return status(connection)


def deep_json(stranger: Stranger) -> str:
    """Send lists in lists, and a quarter of a megabyte of short ones."""
    bodies = (b"[" * 200_000, b"[" + b"[]," * 80_000 + b"0]", b'{"data":' * 30_000)
    return _counted(stranger.post("/gradio_api/queue/join", body) for body in bodies)


def a_field_without_a_file(stranger: Stranger) -> str:
    """Send 500 MB as a field, which is held in memory where nobody counts."""
    head, size = part('name="files"'), 500 * 2**20
    pieces = itertools.chain([head], filler(size), [END])
    return stranger.upload(pieces, len(head) + size + len(END))


def a_thousand_files(stranger: Stranger) -> str:
    """Send a thousand files of 51 MB in one upload."""
    head, size = part(FILE), 51 * 10**6
    pieces = (piece for _ in range(1000) for piece in itertools.chain([head], filler(size), [b"\r\n"]))
    return stranger.upload(pieces, 1000 * (len(head) + size + 2))


def uploads_without_end(stranger: Stranger) -> str:
    """Upload 20 MB again and again, and ask nothing about it."""
    head, size = part(FILE), 20 * 2**20

    def one() -> str:
        return stranger.upload(itertools.chain([head], filler(size), [END]), len(head) + size + len(END))

    return _counted(one() for _ in range(40))


def uploads_that_break_off(stranger: Stranger) -> str:
    """Begin uploads of 10 MB and leave after one."""
    for _ in range(50):
        with contextlib.closing(stranger.connect()) as connection, contextlib.suppress(OSError):
            head = "POST /gradio_api/upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
            connection.sendall(f"{head}Content-Length: 10000000\r\n\r\n".encode() + part(FILE) + b"x" * 10**6)
    return "left"


def half_requests(stranger: Stranger) -> str:
    """Hold 1,100 connections open with a request that never ends."""
    return _hold(stranger, 1100, b"GET / HTTP/1.1\r\nHost: a\r\nX-Half: ")


def half_requests_of_many(stranger: Stranger) -> str:
    """Hold 1,100 connections of 1,100 callers."""
    return _hold(stranger, 1100, b"GET / HTTP/1.1\r\nHost: a\r\nX-Half: ", callers=1100)


def slow_bodies(stranger: Stranger) -> str:
    """Hold connections whose body never ends."""
    return _hold(stranger, 300, b"POST /gradio_api/queue/join HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n[")


def streams(stranger: Stranger) -> str:
    """Listen 300 times to the stream that never ends."""
    return _hold(stranger, 300, b"GET /gradio_api/heartbeat/abc HTTP/1.1\r\nHost: a\r\n\r\n")


def who_never_reads(stranger: Stranger) -> str:
    """Ask for the page and read none of it."""
    return _hold(stranger, 300, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 50)


def the_page_without_a_pause(stranger: Stranger) -> str:
    """Ask for the page, by 32 at once, as fast as it comes."""
    with ThreadPoolExecutor(32) as crowd:
        return _counted(crowd.map(lambda _: stranger.ask("GET", "/"), range(400)))


def nonsense(stranger: Stranger) -> str:
    """Send what is no HTTP, a thousand times."""

    def one() -> str:
        with contextlib.closing(stranger.connect()) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(b"\x16\x03\x01\x02\x00\x01nonsense\r\n\r\n")
            return status(connection)

    return _counted(one() for _ in range(1000))


def other_origins(stranger: Stranger) -> str:
    """Call as a page elsewhere would have its visitors' browsers call."""
    return stranger.ask("POST", "/gradio_api/queue/join", b"{}", Origin="https://evil.example")


def _hold(stranger: Stranger, number: int, sent: bytes, callers: int = 1, seconds: float = 3) -> str:
    addresses = [f"127.1.{index // 250}.{index % 250 + 1}" for index in range(callers)]
    connections = []
    try:
        for index in range(number):
            with contextlib.suppress(OSError):
                one = stranger if callers == 1 else stranger.named(addresses[index % callers])
                connections.append(one.connect())
                connections[-1].sendall(sent)
        time.sleep(seconds)
    finally:
        for connection in connections:
            connection.close()
    return f"{len(connections)} held"


def _counted(answers: Iterable[str]) -> str:
    return ", ".join(f"{number} × {answer}" for answer, number in Counter(answers).most_common())


ATTACKS = {
    "closed routes": closed_routes,
    "60 MB of JSON": large_json,
    "60 MB of JSON in chunks": large_json_of_unknown_length,
    "JSON that is deep or wide": deep_json,
    "a field of 500 MB": a_field_without_a_file,
    "a thousand files of 51 MB": a_thousand_files,
    "uploads without end": uploads_without_end,
    "uploads that break off": uploads_that_break_off,
    "1,100 half requests": half_requests,
    "1,100 half requests of 1,100 callers": half_requests_of_many,
    "bodies that never end": slow_bodies,
    "streams that never end": streams,
    "answers that nobody reads": who_never_reads,
    "the page without a pause": the_page_without_a_pause,
    "a thousand lines of nonsense": nonsense,
    "pages of other origins": other_origins,
}
