"""What is open is what the page and gradio_client ask for; every other route of the installed Gradio is known."""

import asyncio
import re
from collections.abc import Iterable, Iterator
from typing import Any

import gradio as gr
import pytest
from fastapi import FastAPI
from starlette.routing import Mount, Route

from mmdemo.guard.layers import routes


def every(routes: Iterable[Any]) -> Iterator[Any]:
    """Return the routes, those of routers that FastAPI includes among them."""
    for route in routes:
        included = getattr(route, "original_router", None)
        yield from [route] if included is None else every(included.routes)


async def registered() -> dict[str, set[str]]:
    """Return each path that the installed Gradio registers, as a pattern, with its methods."""
    with gr.Blocks(analytics_enabled=False) as page:
        gr.HTML("")
    outer = FastAPI(openapi_url=None)
    gr.mount_gradio_app(outer, page, path="/")
    (inner,) = (route for route in outer.routes if isinstance(route, Mount))
    by_method: dict[str, set[str]] = {}
    for route in every(inner.app.routes):  # type: ignore[attr-defined]
        assert isinstance(route, Route), route
        by_method.setdefault(route.path, set()).update(route.methods or ())
    return by_method


@pytest.fixture(scope="module")
def paths() -> dict[str, set[str]]:
    return asyncio.run(registered())  # outside of a running event loop Gradio makes loops that it never closes


def example(path: str) -> str:
    """Return a path that Gradio's pattern takes."""
    return re.sub(r"\{\w+(:path)?\}", "7", path)


def test_every_route_of_the_installed_gradio_is_open_or_known_to_be_closed(paths: dict[str, set[str]]) -> None:
    docs = {"/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}  # FastAPI's own, of Gradio's inner application
    unknown = {
        path
        for path, methods in paths.items()
        if not any(routes.is_open(method, example(path)) for method in methods)
        and path.rstrip("/") not in {*routes.CLOSED, *docs}
    }
    assert unknown == set(), "a new Gradio brought these: open them if the page needs them, else name why not"


def test_no_closed_route_is_open_under_any_method(paths: dict[str, set[str]]) -> None:
    opened = [
        (method, path)
        for path in routes.CLOSED
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
        if routes.is_open(method, example(path)) or routes.is_open(method, example(path) + "/")
    ]
    assert opened == []
    assert {path for path in routes.CLOSED if path not in paths and f"{path}/" not in paths} == set()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=http://example.com/a.png"),
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("POST", "/gradio_api/process_recording"),
        ("GET", "/assets/../../app.py"),
        ("GET", "/assets/..%2f"),
        ("GET", "//"),
        ("GET", "/gradio_api/queue/join"),
        ("POST", "/"),
        ("TRACE", "/"),
        ("OPTIONS", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/run/a/b"),
        ("GET", "/gradio_api/heartbeat/" + "a" * 65),
        ("GET", "/gradio_api/heartbeat/a\nb"),
    ],
)
def test_what_nobody_needs_is_closed(method: str, path: str) -> None:
    assert not routes.is_open(method, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("HEAD", "/"),
        ("GET", "/config"),
        ("GET", "/assets/index-C0b_2.js"),
        ("GET", "/static/js/iframeResizer.contentWindow.min.js"),
        ("GET", "/about/model-card/sentiment"),
        ("GET", "/gradio_api/info"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/run/page_begin"),
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/gradio_api/queue/data"),
        ("POST", "/gradio_api/cancel"),
        ("POST", "/gradio_api/reset"),
        ("GET", "/gradio_api/heartbeat/4f1c8d2e-9a"),
    ],
)
def test_what_the_page_and_gradio_client_ask_for_is_open(method: str, path: str) -> None:
    assert routes.is_open(method, path)
