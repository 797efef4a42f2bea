"""Whose request it is: of our own page, of a page elsewhere, of this machine, and how many one caller has open."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from mmdemo import locale
from mmdemo.guard.callers import Beyond, Callers
from mmdemo.guard.guard import Guard
from mmdemo.guard.layers.origins import HEADERS, Headers, Origins
from mmdemo.guard.layers.rate_limit import Shares
from mmdemo.guard.layers.uploads import Folder
from mmdemo.guard.limits import RequestLimits
from mmdemo.guard.refusals import Refusal, Refusing
from tests.unit.mmdemo.guard.asking import DISCONNECT, Echo, ask, asking

HOST = {"Host": "demo.example:7860"}
LIMITS = RequestLimits(upload_bytes=1000, connections_each=3)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a script
        ({"Origin": "http://demo.example:7860"}, 200),
        ({"Origin": "https://demo.example:7860"}, 200),  # behind a proxy that speaks TLS
        ({"Origin": "http://DEMO.example:7860"}, 200),
        ({"Origin": "https://public.example", "X-Forwarded-Host": "public.example"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://public.example"}, 200),  # a proxy that says nothing
        ({"Origin": "http://demo.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[bad"}, 403),
        ({"Origin": "http://demo.example:7860", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
def test_what_changes_something_comes_from_the_page_itself_or_from_a_script(
    headers: dict[str, str], status: int
) -> None:
    assert ask(Refusing(Origins(Echo())), headers={**HOST, **headers})[0] == status
    assert ask(Refusing(Origins(Echo())), headers={**HOST, **headers}, method="GET")[0] == 200


@pytest.mark.parametrize(
    ("peer", "http", "noted"),
    [
        ("127.0.0.1", "1.1", None),
        ("::1", "1.1", None),
        ("::ffff:127.0.0.1", "1.1", None),
        ("127.0.0.1", "1.0", b"127.0.0.1"),
        ("192.168.1.5", "1.1", b"192.168.1.5"),
        ("::ffff:192.168.1.5", "1.1", b"::ffff:192.168.1.5"),
        ("", "1.1", b""),
    ],
)
def test_what_did_not_begin_on_this_machine_says_so(peer: str, http: str, noted: bytes | None) -> None:
    echo = Echo()
    ask(Beyond(echo), peer=peer, http=http)
    assert dict(echo.scope["headers"]).get(b"x-real-ip") == noted


@pytest.mark.parametrize(("status", "closes"), [(429, True), (404, False), (413, False)])
def test_what_stands_behind_a_request_too_many_is_not_read(status: int, closes: bool) -> None:
    messages: list[Any] = []

    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        raise Refusal(status, "too_fast")

    async def send(message: Any) -> None:
        messages.append(message)

    asyncio.run(Refusing(refuses)({"type": "http", "headers": []}, None, send))
    assert ((b"connection", b"close") in messages[0]["headers"]) == closes


def test_one_caller_has_so_many_requests_open_and_no_more() -> None:
    async def facts() -> None:
        go = asyncio.Event()

        async def waits(scope: Any, receive: Any, send: Any) -> None:
            await go.wait()
            await Echo()(scope, receive, send)

        app = Refusing(Shares(waits, LIMITS, Callers()))

        def request(peer: str) -> asyncio.Task[Any]:
            return asyncio.create_task(asking(app, [b""], "/", "GET", {}, peer, DISCONNECT, "1.1"))

        first = [request("203.0.113.7") for _ in range(3)]
        await asyncio.sleep(0)
        status, body = await request("203.0.113.7")
        assert (status, body["detail"]) == (429, locale.text("guard.too_many_requests"))
        other = request("203.0.113.8")
        await asyncio.sleep(0)
        go.set()
        assert [status for status, _ in await asyncio.gather(*first, other)] == [200] * 4
        assert (await request("203.0.113.7"))[0] == 200

    asyncio.run(facts())


def test_a_proxy_that_nobody_named_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    app = Refusing(Shares(Echo(), LIMITS, Callers()))
    for _ in range(3):
        ask(app, headers={"X-Forwarded-For": "198.51.100.1"})
    assert len(caplog.records) == 1 and "MMDEMO_TRUSTED_PROXIES" in caplog.text


@pytest.mark.parametrize("path", ["/", "/gradio_api/process_recording"])
def test_every_response_carries_the_headers_refusals_too(path: str, tmp_path: Path) -> None:
    started: list[Any] = []

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            started.append(message)
            await send(message)

        await Guard(Echo(), LIMITS, Callers(), Folder(tmp_path, LIMITS))(scope, receive, note)

    ask(noting, path=path, method="GET")
    assert set(HEADERS) <= set(started[0]["headers"])


def test_a_header_of_the_application_does_not_stand_beside_ours() -> None:
    async def own(scope: Any, receive: Any, send: Any) -> None:
        theirs = [(b"Referrer-Policy", b"unsafe-url"), (b"x-own", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": theirs})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Headers(own)({}, None, send))
    assert sent[0]["headers"] == [(b"x-own", b"1"), *HEADERS]
