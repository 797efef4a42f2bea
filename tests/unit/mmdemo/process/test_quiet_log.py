"""Of lines from one place a few a minute are written, and how many were left out is told."""

import logging

from mmdemo.process.logs import LINES, WINDOW_S, Quiet


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def test_what_repeats_is_written_a_few_times_and_then_counted() -> None:
    clock, handler, log = Clock(), Lines(), logging.Logger("a")
    handler.addFilter(Quiet(clock))
    log.addHandler(handler)

    def repeat(number: int) -> None:
        log.warning("peer %d spoke nonsense", number)

    for number in range(1000):
        repeat(number)
    log.warning("something else")
    assert handler.lines == [*(f"peer {number} spoke nonsense" for number in range(LINES)), "something else"]
    clock.now = WINDOW_S
    repeat(1000)
    repeat(1001)
    assert handler.lines[LINES + 1 :] == [
        f"peer 1000 spoke nonsense (and {1000 - LINES} more like it before)",
        "peer 1001 spoke nonsense",
    ]
