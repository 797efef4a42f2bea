"""What the page says about itself: a line of links at its foot, and the texts to which they lead."""

import inspect
import io
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from mmdemo import locale
from mmdemo.errors import MmdemoError
from mmdemo.settings import ROOT, Settings
from mmdemo.ui import api
from mmdemo.ui.services import Services
from mmdemo.ui.shell import render

FOLDER = "about"  # of their addresses
WEIGHTS_LICENCE = ROOT / "mmdemo" / "checkpoints" / "LICENSE"
SOURCES = ("mmdemo", "annotations")  # packages of which the source is handed out
BESIDE = ("app.py", "README.md", "LICENSE", "CHANGELOG.md", "requirements.txt")
TEXTS = (".py", ".toml", ".md", ".html", ".css", ".js", ".mako")  # no weights, and nothing of a visitor's or a host's


def footer(services: Services, settings: Settings, language: str) -> str:
    """Return the line of links as HTML; of the model card there is one a task."""
    tasks = {name: task.display_title(language) for name, task in services.tasks.items()}
    source = settings.source_url if settings.source_url.startswith(("https://", "http://")) else f"{FOLDER}/source.zip"
    return render.html("footer", language, tasks=tasks, folder=FOLDER, source=source)


def routes(services: Services) -> list[BaseRoute]:
    """Return the addresses of the texts; each is for everybody."""
    return [
        Route(f"/{FOLDER}/model-card/{{task}}", _model_card(services)),
        Route(f"/{FOLDER}/interface", lambda request: PlainTextResponse(interface(str(request.base_url)))),
        Route(f"/{FOLDER}/weights-licence", lambda request: PlainTextResponse(WEIGHTS_LICENCE.read_text("utf-8"))),
        Route(f"/{FOLDER}/source.zip", _source),
    ]


def _model_card(services: Services) -> Callable[[Request], Response]:
    def answer(request: Request) -> Response:
        task = request.path_params["task"]
        if task not in services.tasks:
            return PlainTextResponse("", 404)
        try:
            return PlainTextResponse(services.model_card(task))
        except MmdemoError as error:
            language = locale.pick(request.headers.get("accept-language"))
            return PlainTextResponse(error.public_sentence(language), 404)

    return answer


def interface(address: str) -> str:
    """Return what scripts may call at this address, as text: each endpoint with its parameters and description."""
    head = f'from gradio_client import Client, handle_file\n\nclient = Client("{address}")\nclient.view_api()'
    return "\n\n\n".join([head, *map(_described, api.LINES)]) + "\n"


def _described(endpoint: Callable[..., Any]) -> str:
    parameters = [one for one in inspect.signature(endpoint).parameters.values() if one.name not in ("self", "request")]
    defaults = (one.name if one.default is one.empty else f"{one.name}={one.default!r}" for one in parameters)
    return f"/{endpoint.__name__}({', '.join(defaults)})\n{inspect.getdoc(endpoint)}"


def _source(request: Request) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="mmdemo-source.zip"'}
    return Response(source(ROOT), media_type="application/zip", headers=headers)


@cache
def source(root: Path) -> bytes:
    """Return the program's own text under `root`, as the bytes of a zip: packages and what stands beside them."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in [*(root / name for name in BESIDE), *_sources(root)]:
            if path.is_file():
                archive.write(path, path.relative_to(root))
    return packed.getvalue()


def _sources(root: Path) -> list[Path]:
    files = (path for name in SOURCES for path in sorted((root / name).rglob("*")) if path.suffix in TEXTS)
    return [path for path in files if not any(part.startswith(".") for part in path.relative_to(root).parts)]
