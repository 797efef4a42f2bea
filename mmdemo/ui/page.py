"""The page: a header and three tabs. `build` makes it from services, `launch` serves it."""

import errno
import socket

import gradio as gr

from mmdemo.errors import CannotListen
from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.ui import api, frame, predict, render, review, status
from mmdemo.ui.blocks import Blocks
from mmdemo.ui.services import Services

LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
UPLOAD_SLACK_BYTES = 1_000_000  # above the tasks' own limits, whose refusal says more than a broken upload
STALE_UPLOADS_S = (300, 600)  # how often, and how old: uploads that were never asked about
TABS = ("predict", "review", "status")
QUEUE_SIZE = 16  # predictions that may wait; the next visitor is asked to come back


def build(services: Services, settings: Settings) -> gr.Blocks:
    """Return the page and its endpoints; nothing listens yet."""
    with Blocks(
        title=text("common.title"), analytics_enabled=False, fill_width=True, delete_cache=STALE_UPLOADS_S
    ) as page:
        frame.part("header", _header)
        with gr.Column(elem_id="mm-tab-predict"):
            predict.build(services, settings)
        with gr.Column(elem_id="mm-tab-review"):
            review.build(services, settings)
        with gr.Column(elem_id="mm-tab-status"):
            status.build(services, settings)
        api.add(services, settings)
    page.queue(max_size=QUEUE_SIZE)
    return page


def launch(page: gr.Blocks, services: Services, settings: Settings) -> gr.Blocks:
    """Serve the page in threads of its own and return it. Raises CannotListen."""
    limits = [task.limits for task in services.tasks.values()]
    try:
        page.launch(
            server_name=settings.server_name,
            server_port=settings.server_port,
            prevent_thread_lock=True,
            max_file_size=max(max(limit.image_bytes, limit.audio_bytes) for limit in limits) + UPLOAD_SLACK_BYTES,
            **frame.launch_options(),
        )
    except OSError as error:
        raise _cannot_listen(settings, error) from error
    return page


def check_address(settings: Settings) -> None:
    """Return if the page can be served where the settings say. Raises CannotListen."""
    host = settings.server_name.strip("[]")
    try:
        family = socket.getaddrinfo(host, settings.server_port)[0][0]
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, settings.server_port))
    except (OSError, OverflowError) as error:
        raise _cannot_listen(settings, error) from error


def _cannot_listen(settings: Settings, error: Exception) -> CannotListen:
    used = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    key = "port_in_use" if used else "address_wrong"
    return CannotListen(key, address=settings.server_name, port=settings.server_port, detail=error)


def _header(language: str) -> str:
    tabs = {name: text(f"common.tab_{name}", language) for name in TABS}
    return render.html("header", language, tabs=tabs, languages=LANGUAGE_NAMES)
