"""Take the pictures of README and docs from the running app: `make screenshots`, or `python docs/screenshots.py [OUT]`.

The app is the real one with the shipped models, in a home folder of its own; nothing is drawn by hand.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests import browser, serving

WIDTH_PX, HEIGHT_PX = 1280, 800
COLOURS = 256  # of a palette: enough for cards, words and one photograph, and under 200 KB
ANSWER_LIMIT_MS = 120_000  # the first answer waits for the models
DISPUTED = (1, 2, 4)  # places among the examples of the first task


def predict(page: Page) -> None:
    """The answer to an example whose map is better than chance, and where the model looked: other maps are grey."""
    _ask(page, 0)  # the models load
    for place in range(page.locator(".mm-examples:not([hidden]) [data-example]").count()):
        _ask(page, place)
        page.locator(".mm-trusted").wait_for(timeout=ANSWER_LIMIT_MS)
        if page.locator(".mm-map.mm-doubted").count() == 0:
            return


def review(page: Page) -> None:
    """The Review tab, after visitors disagreed with some answers."""
    for place in DISPUTED:
        _ask(page, place)
        page.locator("[data-do=dispute]").click()
        page.locator("[data-suggest]").first.click()
        page.locator(".mm-thanks").wait_for()
    page.locator("[data-tab=review]").click()
    page.locator("#mm-tab-review [data-label]").first.wait_for(timeout=ANSWER_LIMIT_MS)
    page.locator("#mm-tab-review .mm-alike").wait_for(timeout=ANSWER_LIMIT_MS)


PICTURES: dict[str, Callable[[Page], None]] = {"predict": predict, "review": review}


def _ask(page: Page, place: int) -> None:
    canvas = page.locator(".mm-map-slot canvas").first
    page.locator("[data-do=clear]").click()
    canvas.wait_for(state="detached")
    page.locator(".mm-examples:not([hidden]) [data-example]").nth(place).click()
    canvas.wait_for(timeout=ANSWER_LIMIT_MS)


def take(out: Path) -> None:
    """Write all PICTURES into `out`, in their order, as one visitor."""
    with tempfile.TemporaryDirectory() as home, serving.serve(Path(home)) as server, browser.launch() as running:
        page = running.new_page(locale="en-US", viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
        page.goto(server.url)
        for name, show in PICTURES.items():
            show(page)
            page.mouse.move(0, 0)
            page.wait_for_timeout(1_000)  # maps and cards fade in
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture.quantize(COLOURS).save(out / f"{name}.png", optimize=True)
            print(out / f"{name}.png", file=sys.stderr)


if __name__ == "__main__":
    take(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).parent)
