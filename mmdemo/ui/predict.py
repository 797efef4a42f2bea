"""The Predict tab."""

from mmdemo.settings import Settings
from mmdemo.ui import frame
from mmdemo.ui.services import Services


def build(services: Services, settings: Settings) -> None:
    """Put the tab here."""
    frame.part("predict", lambda language: '<section class="mm-card">…</section>')
