"""What all tabs stand on: parts in both languages, the scripts and styles of `static/`, and the look of the page.

A tab hands over a function from language to HTML (`render.html` fills a template); the browser shows the one of its
reader and swaps it in place when the reader switches. What it does there stands in `static/NAME/NAME.js` as
`mmdemo.parts.NAME = (root, signal) => …`: `root` is new each time, `signal` is aborted before the next, and everything
inside asks the server by `mmdemo.call`, which says the reader's language in Accept-Language.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr

from mmdemo import locale, map_scale
from mmdemo.ui.queueing import turns
from mmdemo.ui.queueing.fair_queue import LANES

STATIC = Path(__file__).parent.parent / "static"
# Read in this order, and later files use what earlier ones define.
STYLES = (
    "shell/theme.css",
    "shell/frame.css",
    "shell/figures.css",
    "predict/predict.css",
    "predict/examples.css",
    "predict/answer.css",
    "maps/map.css",
    "maps/tools.css",
    "predict/kept.css",
    "predict/alike.css",
    "review/review.css",
    "review/labels.css",
    "review/queue.css",
    "review/pins.css",
    "review/lesson.css",
    "shell/board.css",
    "shell/curves.css",
    "models/models.css",
    "status/status.css",
    "shell/forced.css",
)
SCRIPTS = (
    "shell/core.js",
    "shell/address.js",
    "shell/frame.js",
    "shell/media.js",
    "maps/scale.js",
    "maps/outline.js",
    "maps/veil.js",
    "maps/sound.js",
    "maps/figure.js",
    "maps/map.js",
    "maps/explore.js",
    "maps/weigh.js",
    "maps/whatif.js",
    "maps/drawing.js",
    "predict/keep.js",
    "predict/alike.js",
    "predict/result.js",
    "shell/typed.js",
    "predict/consent.js",
    "predict/states.js",
    "predict/form.js",
    "predict/arrive.js",
    "predict/predict.js",
    "review/annotator.js",
    "review/listed.js",
    "review/pins.js",
    "review/lesson.js",
    "review/review.js",
    "shell/board.js",
    "models/models.js",
    "status/status.js",
)
SECTIONS = (
    "common",
    "predict",
    "explain",
    "alike",
    "review",
    "models",
    "status",
)  # of the locale: what scripts may say


def part(name: str, render: Callable[[str], str]) -> gr.HTML:
    """Put the part `name` here: `render(language)` is its HTML, `mmdemo.parts[name]` brings it to life."""
    return gr.HTML(
        value={language: render(language) for language in locale.LANGUAGES},
        html_template="",
        js_on_load=f"mmdemo.mount({json.dumps(name)}, element, props.value)",
        apply_default_css=False,
        elem_id=f"mm-{name}",
        elem_classes=["mm"],
    )


def endpoints(prefix: str, *functions: Callable[..., Any], line: str = "", turn: str = turns.QUICK) -> None:
    """Let `mmdemo.call("PREFIX_NAME", …)` reach each function; with a `line` of LANES it waits there for its turn.

    Without, it has its turn at once, or as soon as those of the same kind (`turn`) leave room.
    """
    for function in functions:
        waits = {"concurrency_limit": LANES[line], "concurrency_id": line} if line else {"concurrency_id": turn}
        name = f"{prefix}_{function.__name__}"
        gr.api(function, api_name=name, api_visibility="undocumented", queue=bool(line), **waits)


def language_of(request: gr.Request | None) -> str:
    """Return the language that a call asks for."""
    return locale.pick(request.headers.get("accept-language") if request else None)


def mount_options() -> dict[str, Any]:
    """Return what `gr.mount_gradio_app` needs for the look and the scripts of the page."""
    return {
        "theme": _theme(),
        "head": _head(),
        "footer_links": [],
        "ssr_mode": False,
        "run_history": False,  # it would keep visitors' inputs in their browsers
        "enable_monitoring": False,
        "show_error": False,
    }


def _theme() -> gr.themes.Base:
    base = gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    light, dark = colour("ground"), colour("ground", dark=True)  # nothing flashes before theme.css is read
    return base.set(body_background_fill=light, body_background_fill_dark=dark)


def _head() -> str:
    # Styles go here too: what is given as css= Gradio rewrites to lie below its own elements, media queries not.
    styles = "".join(f"<style>{style}</style>" for style in (*_read(STYLES), map_scale.css()))
    scale = f"window.mmdemoScale = {json.dumps(map_scale.for_scripts())}"
    scripts = "".join(f"<script>{script}</script>" for script in (_texts(), scale, *_read(SCRIPTS)))
    return styles + scripts


def _read(names: tuple[str, ...]) -> list[str]:
    return [(STATIC / name).read_text(encoding="utf-8") for name in names]


def _texts() -> str:
    texts = {
        language: {k: v for k, v in locale.catalogue(language).items() if k.split(".")[0] in SECTIONS}
        for language in locale.LANGUAGES
    }
    # "<" could end the script element in which this stands.
    return "window.mmdemoTexts = " + json.dumps(texts, ensure_ascii=False).replace("<", "\\u003c")


def colour(name: str, *, dark: bool = False) -> str:
    """Return what `--mm-NAME` is, as #rrggbb; KeyError where the theme has none of its own."""
    return _colours(".dark" if dark else ":root")[name]


@cache
def _colours(selector: str) -> dict[str, str]:
    _, block = (STATIC / "shell" / "theme.css").read_text(encoding="utf-8").split(f"\n{selector} {{", 1)
    return dict(re.findall(r"--mm-([\w-]+): (#[0-9a-f]{6});", block.partition("\n}")[0]))
