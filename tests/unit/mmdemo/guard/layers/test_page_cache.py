"""The page is made once for each address, packed where the browser can unpack it, and is the very page of Gradio."""

import asyncio
import itertools
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from mmdemo.guard.layers import page_cache
from mmdemo.guard.layers.page_cache import PATHS, Prepared

PLAIN = {"accept-encoding": "identity"}


async def build() -> FastAPI:
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.Textbox("words")
    app = FastAPI()
    gr.mount_gradio_app(app, blocks, path="/")
    return app


@pytest.fixture(scope="module")
def page() -> FastAPI:
    return asyncio.run(build())  # outside of a running event loop Gradio makes loops that it never closes


class Counting:
    """Counts what gets through to an application."""

    def __init__(self, app: Any) -> None:
        self.app, self.count = app, 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.count += scope["type"] == "http"
        await self.app(scope, receive, send)


HEADERS = [
    {},
    {"host": "demo.example"},
    {"host": "demo.example", "x-forwarded-proto": "https"},
    {"x-forwarded-host": "other.example:8000", "x-forwarded-proto": "https,http"},
    {"x-forwarded-host": "other.example", "x-forwarded-for": "10.0.0.1", "x-forwarded-prefix": "/demo"},
    {"accept-language": "zh", "cookie": "a=b", "user-agent": "Safari", "referer": "http://a.example/"},
]


@pytest.mark.parametrize("path", PATHS)
def test_it_is_the_page_that_gradio_makes_whatever_the_request_says(page: FastAPI, path: str) -> None:
    direct, kept = TestClient(page), TestClient(Prepared(page))
    for headers, encoding in itertools.product(HEADERS * 2, (PLAIN, {})):
        expected, response = (client.get(path, headers={**headers, **encoding}) for client in (direct, kept))
        assert (response.status_code, response.text) == (expected.status_code, expected.text)
        assert response.headers["content-type"] == expected.headers["content-type"]


def test_each_address_has_its_page_made_once_and_a_few_are_remembered(page: FastAPI) -> None:
    counting = Counting(page)
    app = Prepared(counting)
    client = TestClient(app)
    for _ in range(3):
        assert client.get("/", headers={"host": "a.example", "x-forwarded-for": "10.0.0.1"}).status_code == 200
        assert client.get("/", headers={"host": "b.example"}).status_code == 200
    assert counting.count == 2
    for number in range(100):
        client.get("/", headers={"host": f"{number}.example"})
    assert len(app._responses) <= page_cache.ADDRESSES * len(PATHS)


def test_it_is_packed_for_browsers_that_unpack(page: FastAPI) -> None:
    client = TestClient(Prepared(page))
    packed, plain = client.get("/", headers={"accept-encoding": "gzip, br"}), client.get("/", headers=PLAIN)
    assert packed.headers["content-encoding"] == "gzip" and "content-encoding" not in plain.headers
    assert packed.text == plain.text and int(packed.headers["content-length"]) < len(plain.content) / 2


def test_what_carries_a_query_or_is_refused_is_not_remembered(page: FastAPI) -> None:
    counting = Counting(page)
    client = TestClient(Prepared(counting))
    for _ in range(2):
        client.get("/?deep_link=a")
        client.head("/")
        client.get("/gradio_api/startup-events")
    assert counting.count == 6
    failing = Counting(FastAPI())  # which knows no such path
    client = TestClient(Prepared(failing))
    assert [client.get("/").status_code for _ in range(2)] == [404, 404] and failing.count == 2
