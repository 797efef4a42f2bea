"""The Review tab: its frame, and the endpoints that `static/review.js` calls."""

from mmdemo.settings import Settings
from mmdemo.ui import frame, render
from mmdemo.ui.reviewing import Reviewing
from mmdemo.ui.services import Services


def build(services: Services, settings: Settings) -> None:
    """Put the tab and its endpoints here."""
    reviewing = Reviewing(services, settings)
    frame.part("review", lambda language: render.html("review", language))
    for name in ("act", "count", "thumbnails"):
        frame.endpoint(getattr(reviewing, name), f"review_{name}")
