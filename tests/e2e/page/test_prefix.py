"""Page and interface under a path of a server that has others: `GRADIO_ROOT_PATH` and a proxy."""

from collections.abc import Callable
from pathlib import Path

from gradio_client import Client
from playwright.sync_api import Page, expect

from mmdemo.settings import ROOT
from tests import prefix_proxy, serving

PICTURE = ROOT / "mmdemo" / "tasks" / "examples"


def test_page_uploads_pictures_and_sounds_work_under_a_prefix(tmp_path: Path, new_page: Callable[..., Page]) -> None:
    upstream = serving.serve(tmp_path / "home", GRADIO_ROOT_PATH="/demo")
    with upstream as server, prefix_proxy.under("/demo", server.url) as url:
        page = new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(url)
        expect(page.locator(".mm-answer-name")).to_be_visible(timeout=180_000)
        page.set_input_files(".mm-form:not([hidden]) input[type=file]", next(PICTURE.glob("*.webp")))
        page.fill(".mm-form:not([hidden]) textarea", "The train leaves at nine")
        page.click("[data-do=predict]")
        expect(page.locator(".mm-results[aria-busy=false] .mm-answer-name")).to_be_visible(timeout=180_000)
        expect(page.locator(".mm-map-slot canvas").first).to_be_visible(timeout=180_000)
        page.click(".mm-tasks [data-task=speech_emotion]")
        page.click(".mm-examples:not([hidden]) [data-example='1']")
        expect(page.locator(".mm-sound-map audio")).to_be_attached(timeout=180_000)
        assert page.request.get(url + page.get_attribute("[data-card]", "href")).ok
        calls = [address for address in asked if "gradio_api" in address]
        assert calls and all(address.startswith(f"{url}gradio_api/") for address in calls)
        client = Client(url, verbose=False)
        assert client.predict("sentiment", None, "At last", None, "none", False, api_name="/predict")["label"]
        client.close()
