"""The page: a header and three tabs. `build` makes it from services, `launch` serves it."""

import gradio as gr

from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.ui import frame, predict, render
from mmdemo.ui.blocks import Blocks
from mmdemo.ui.services import Services

LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
TABS = ("predict", "review", "status")
QUEUE_SIZE = 16  # predictions that may wait; the next visitor is asked to come back


def build(services: Services, settings: Settings) -> gr.Blocks:
    """Return the page and its endpoints; nothing listens yet."""
    with Blocks(title=text("common.title"), analytics_enabled=False, fill_width=True) as page:
        frame.part("header", _header)
        with gr.Column(elem_id="mm-tab-predict"):
            predict.build(services, settings)
        with gr.Column(elem_id="mm-tab-review"):
            pass
        with gr.Column(elem_id="mm-tab-status"):
            pass
    page.queue(max_size=QUEUE_SIZE)
    return page


def launch(page: gr.Blocks, settings: Settings) -> None:
    """Serve the page until the process is told to end. Raises OSError where the port is taken."""
    page.launch(
        server_name=settings.server_name,
        server_port=settings.server_port,
        **frame.launch_options(),
    )


def _header(language: str) -> str:
    tabs = {name: text(f"common.tab_{name}", language) for name in TABS}
    return render.html("header", language, tabs=tabs, languages=LANGUAGE_NAMES)
