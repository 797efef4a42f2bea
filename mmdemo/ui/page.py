"""The page: a header and four tabs. `build` makes it from services, `launch` serves it."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.routing import Mount

from mmdemo.guard import serving
from mmdemo.guard.callers import Callers
from mmdemo.guard.guard import Guard, lifespan
from mmdemo.guard.layers.uploads import Folder
from mmdemo.guard.limits import RequestLimits
from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.ui import api
from mmdemo.ui.callers import access, uploads
from mmdemo.ui.models import tab as models
from mmdemo.ui.predict import tab as predict
from mmdemo.ui.predict.controller import PredictController
from mmdemo.ui.queueing.blocks import Blocks
from mmdemo.ui.review import tab as review
from mmdemo.ui.review.controller import Reviewing
from mmdemo.ui.services import Services
from mmdemo.ui.shell import about, address, frame, render
from mmdemo.ui.status import tab as status

LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
UPLOAD_SLACK_BYTES = 1_000_000  # above the tasks' own limits, whose refusal says more than a broken upload
STALE_UPLOADS_S = (300, 600)  # how often, and how old: uploads that were never asked about
TABS = ("predict", "review", "models", "status")
EVERYWHERE = ("0.0.0.0", "::")  # addresses on which one listens, but that no browser opens


def build(services: Services, settings: Settings) -> gr.Blocks:
    """Return the page and its endpoints; nothing listens yet."""
    door = access.Door.of(settings)
    reviewing = Reviewing(services, door)
    desk = PredictController(services, settings, previews=reviewing.previews)
    with Blocks(
        title=text("common.title"), analytics_enabled=False, fill_width=True, delete_cache=STALE_UPLOADS_S
    ) as page:
        frame.part("header", _header)
        with gr.Column(elem_id="mm-tab-predict"):
            predict.build(desk, door)
        with gr.Column(elem_id="mm-tab-review"):
            review.build(reviewing)
        with gr.Column(elem_id="mm-tab-models"):
            models.build(services, door)
        with gr.Column(elem_id="mm-tab-status"):
            status.build(services, door)
        frame.part("footer", lambda language: about.footer(services, settings, language))
        api.add(api.Endpoints(services, door, desk.erase))
    page.line_up(settings)
    return page


@dataclass(frozen=True)
class Running:
    """A page that is served."""

    local_url: str
    page: gr.Blocks
    server: serving.Serving

    def close(self) -> None:
        """End it; what waits in line is not answered any more."""
        self.page.close(verbose=False)  # ends the streams, which would keep the server waiting
        self.server.close()


def launch(page: gr.Blocks, services: Services, settings: Settings) -> Running:
    """Serve the page behind the guard, in threads of its own. Raises CannotListen."""
    limits = [task.limits for task in services.tasks.values()]
    largest = max(max(limit.image_bytes, limit.audio_bytes) for limit in limits) + UPLOAD_SLACK_BYTES
    allowed, callers = RequestLimits.of(settings, largest), Callers.of(settings)
    folder = Folder(uploads.folder(), allowed)
    outer = FastAPI(routes=about.routes(services), lifespan=lifespan(folder), openapi_url=None)
    host = settings.server_name.strip("[]")
    gr.mount_gradio_app(outer, page, path="/", max_file_size=largest, server_name=host, **frame.mount_options())
    inner: Any = next(route for route in outer.routes if isinstance(route, Mount))
    page.app = inner.app  # what `Blocks.close` ends; only its own `launch` would have noted it
    try:
        server = serving.start(Guard(outer, allowed, callers, folder), host, settings.server_port, allowed, callers)
    except OSError as error:
        raise address.refusal(settings, error) from error
    name = "localhost" if host in EVERYWHERE else settings.server_name
    return Running(f"http://{name}:{settings.server_port}/", page, server)


def _header(language: str) -> str:
    tabs = {name: text(f"common.tab_{name}", language) for name in TABS}
    return render.html("header", language, tabs=tabs, languages=LANGUAGE_NAMES)
