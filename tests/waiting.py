"""Waiting for what another thread or process brings about, as long as a busy machine may need."""

import time
from collections.abc import Callable

LIMIT_S, TICK_S = 20.0, 0.01


def wait_until(look: Callable[[], object], limit_s: float = LIMIT_S, tick_s: float = TICK_S) -> object:
    """Return the first true thing that `look` returns; fail after `limit_s` seconds."""
    deadline = time.monotonic() + limit_s
    while not (value := look()):
        assert time.monotonic() < deadline, f"not within {limit_s:g} s"
        time.sleep(tick_s)
    return value
