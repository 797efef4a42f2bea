"""Which routes are open: what the page and gradio_client ask for. Gradio registers many more; those answer 404.

A test compares both lists with every route of the Gradio that is installed, so that a new one is looked at first.
"""

import re
from collections.abc import Mapping
from typing import Any

from mmdemo.guard.refusals import Refusal

READ, SEND = ("GET", "HEAD"), ("POST",)

# Method and whole path; the patterns' names are those of Gradio's routes.
OPEN: tuple[tuple[tuple[str, ...], str], ...] = (
    # The page and its files.
    (READ, r"/"),
    (READ, r"/config/?"),
    (READ, r"/(assets|static|svelte)/[\w.@/-]+"),
    (READ, r"(/gradio_api)?/theme\.css"),
    (READ, r"/(favicon\.ico|manifest\.json|robots\.txt|pwa_icon(/\d+)?)"),
    (READ, r"/about/[\w./-]+"),
    # Calls, of the page and of gradio_client.
    (READ, r"/gradio_api/info/?"),
    (READ, r"/gradio_api/(app_id|startup-events)/?"),
    (READ, r"/gradio_api/heartbeat/[\w-]{1,64}"),
    (READ, r"/gradio_api/queue/data"),
    (SEND, r"/gradio_api/queue/join"),
    (SEND, r"/gradio_api/(cancel|reset/?)"),
    (SEND, r"/gradio_api/run/\w{1,64}/?"),
    (SEND, r"/gradio_api/upload"),
)

# Registered by Gradio, needed by neither, and why it stays closed.
CLOSED: Mapping[str, str] = {
    "/gradio_api/file={path_or_url:path}": "fetches any address for anybody; no answer of ours is a file",
    "/gradio_api/file/{path:path}": "the same under an older name",
    "/gradio_api/proxy={url_path:path}": "asks Spaces in the server's name",
    "/gradio_api/process_recording": "runs ffmpeg on what is sent",
    "/gradio_api/component_server": "calls functions of components by name",
    "/gradio_api/stream/{event_id}": "no answer of ours is a stream",
    "/gradio_api/stream/{event_id}/close": "no answer of ours is a stream",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist.m3u8": "no answer of ours is a stream",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/{segment_id}.{ext}": "no answer of ours is a stream",
    "/gradio_api/stream/{session_hash}/{run}/{component_id}/playlist-file": "no answer of ours is a stream",
    "/gradio_api/custom_component/{id}/{environment}/{type}/{file_name}": "there is none",
    "/gradio_api/upload_progress": "remembers every name that it is asked for",
    "/gradio_api/queue/status": "nobody asks for it",
    "/gradio_api/api/{api_name}": "an older name of run",
    "/gradio_api/call/{api_name}": "a second way to do what queue/join does, without a session",
    "/gradio_api/call/{api_name}/{event_id}": "a second way to do what queue/data does",
    "/gradio_api/call/v2/{api_name}": "a second way to do what queue/join does",
    "/gradio_api/call/v2/{api_name}/{event_id}": "a second way to do what queue/data does",
    "/gradio_api/openapi.json": "info says the same to gradio_client",
    "/gradio_api/user": "there are no accounts",
    "/gradio_api/login_check": "there are no accounts",
    "/gradio_api/token": "there are no accounts",
    "/login": "there are no accounts",
    "/logout": "there are no accounts",
    "/gradio_api/dev/reload": "for those who write the page",
    "/gradio_api/vibe-edit": "for those who write the page",
    "/gradio_api/undo-vibe-edit": "for those who write the page",
    "/gradio_api/vibe-code": "for those who write the page",
    "/gradio_api/vibe-starter-queries": "for those who write the page",
    "/gradio_api/deep_link": "writes what visitors sent to disk, for others to open",
    "/gradio_api/runs": "would keep visitors' inputs",
    "/gradio_api/run-history/connect": "would keep visitors' inputs",
    "/gradio_api/run-history/buckets": "would keep visitors' inputs",
    "/gradio_api/run-history/records": "would keep visitors' inputs",
    "/gradio_api/run-history/records/{endpoint}/{record_id}/assets/{asset_id}": "would keep visitors' inputs",
    "/monitoring": "shows what others asked",
    "/monitoring/summary": "shows what others asked",
    "/monitoring/{key}": "shows what others asked",
}

_OPEN = {
    method: re.compile("|".join(f"(?:{path})" for methods, path in OPEN if method in methods))
    for method in (*READ, *SEND)
}


def is_open(method: str, path: str) -> bool:
    """Tell whether this request goes on to Gradio."""
    pattern = _OPEN.get(method)
    return pattern is not None and pattern.fullmatch(path) is not None and ".." not in path


class Routes:
    """Answers 404 to what is not open, before anything of the request is read."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if not is_open(scope["method"], scope["path"]):
            raise Refusal(404, "no_such_route")
        await self._app(scope, receive, send)
