"""The button by which a reviewer pins a corrected sample as golden, wherever the page shows one."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from mmdemo.locale import text
from mmdemo.ui.callers import access, arguments
from mmdemo.ui.services import Services
from mmdemo.ui.shell.frame import language_of


@dataclass(frozen=True)
class PinButton:
    """What a button of this kind holds: see `templates/pin.html`."""

    sample_id: str
    is_golden: bool


@dataclass(frozen=True)
class GoldenPins:
    """What `static/review/pins.js` asks for."""

    services: Services
    door: access.Door

    def pin(self, request: gr.Request, key: str, sample_id: str, is_golden: bool, annotator: str) -> dict[str, Any]:
        """Pin a sample, or take that back. Raises NotAllowed, BadInput, UnknownName, Conflict."""
        self.door.admit(request, arguments.text(key, "key"))
        golden = arguments.flag(is_golden, "is_golden")
        self.services.pin(arguments.text(sample_id, "sample_id"), golden, arguments.text(annotator, "annotator"))
        language = language_of(request)
        keys = ("review.pinned", "review.pinned_line") if golden else ("review.pin", "review.unpinned_line")
        label, line = (text(name, language) for name in keys)
        return {"golden": golden, "label": label, "line": line}
