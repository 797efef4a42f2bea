"""Previews of samples that reviewers look at: each made once, and all let go soon after the last look.

What is deleted by its sender may have been shown here a moment ago; so whoever deletes clears the shelf.
"""

import threading
from collections.abc import Callable, Collection

from mmdemo.ui.samples.preview import Preview

IDLE_S = 120.0  # after the last look: what is deleted elsewhere (by command, by time) is gone from memory by then


class PreviewCache:
    """Previews by sample. Threads may share it."""

    def __init__(self, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._previews: dict[str, Preview] = {}
        self._timer: threading.Timer | None = None

    def __contains__(self, sample_id: str) -> bool:
        return sample_id in self._previews

    def get(self, sample_id: str, make: Callable[[], Preview]) -> Preview:
        """Return the preview of a sample, made by `make` where there is none yet."""
        known = self._previews.get(sample_id)
        preview = make() if known is None else known
        with self._lock:
            self._previews[sample_id] = preview
            self._wait_anew()
        return preview

    def keep(self, sample_ids: Collection[str]) -> None:
        """Let go of all but these."""
        with self._lock:
            self._previews = {name: preview for name, preview in self._previews.items() if name in sample_ids}

    def clear(self) -> None:
        """Let go of all."""
        self.keep(())

    def _wait_anew(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = threading.Timer(self._idle_s, self.clear)
        self._timer.daemon = True
        self._timer.start()
