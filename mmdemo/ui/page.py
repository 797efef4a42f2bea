"""The page: a header and three tabs. `build` makes it from services, `launch` serves it."""

from dataclasses import replace

import gradio as gr

from mmdemo.locale import text
from mmdemo.settings import Settings
from mmdemo.ui import about, address, api, frame, predict, render, review, status
from mmdemo.ui.blocks import Blocks
from mmdemo.ui.reviewing import Reviewing
from mmdemo.ui.services import Services
from mmdemo.ui.state import Visits

LANGUAGE_NAMES = {"en": "English", "zh": "中文"}
UPLOAD_SLACK_BYTES = 1_000_000  # above the tasks' own limits, whose refusal says more than a broken upload
STALE_UPLOADS_S = (300, 600)  # how often, and how old: uploads that were never asked about
TABS = ("predict", "review", "status")
QUEUE_SIZE = 16  # predictions that may wait; the next visitor is asked to come back


def build(services: Services, settings: Settings) -> gr.Blocks:
    """Return the page and its endpoints; nothing listens yet."""
    reviewing, visits = Reviewing(services, settings), Visits()
    services = forgetting(services, reviewing, visits)
    with Blocks(
        title=text("common.title"), analytics_enabled=False, fill_width=True, delete_cache=STALE_UPLOADS_S
    ) as page:
        frame.part("header", _header)
        with gr.Column(elem_id="mm-tab-predict"):
            predict.build(services, settings, visits)
        with gr.Column(elem_id="mm-tab-review"):
            review.build(reviewing)
        with gr.Column(elem_id="mm-tab-status"):
            status.build(services, settings)
        frame.part("footer", lambda language: about.footer(services, settings, language))
        api.add(services, settings)
    page.queue(max_size=QUEUE_SIZE, api_open=False)  # what waits in line can't be called past it
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
            app_kwargs={"routes": about.routes(services)},
            **frame.launch_options(),
        )
    except OSError as error:
        raise address.refusal(settings, error) from error
    return page


def forgetting(services: Services, reviewing: Reviewing, visits: Visits) -> Services:
    """Return the services, such that what is deleted is not left in memory among what others were shown."""

    def forget(prediction_id: str) -> None:
        services.forget(prediction_id)
        reviewing.previews.clear()
        visits.let_go_opened()

    return replace(services, forget=forget)


def _header(language: str) -> str:
    tabs = {name: text(f"common.tab_{name}", language) for name in TABS}
    return render.html("header", language, tabs=tabs, languages=LANGUAGE_NAMES)
