"""A line now and then: how much is done, and how long the rest takes at that rate."""

from mmdemo.process.logs import EVERY_S, ProgressBar


def test_it_tells_what_is_done_and_what_is_left() -> None:
    now, lines = [0.0], list[str]()
    bar = ProgressBar(400, "samples judged", lines.append, lambda: now[0])
    for _ in range(100):
        now[0] += EVERY_S / 40
        bar.advance()
    assert lines == [
        "██░░░░░░░░░░░░░░░░░░ 40 of 400 samples judged, 0:45 left",
        "████░░░░░░░░░░░░░░░░ 80 of 400 samples judged, 0:40 left",
    ]


def test_what_is_done_at_once_is_not_told() -> None:
    lines = list[str]()
    bar = ProgressBar(3, "samples judged", lines.append, lambda: 0.0)
    bar.advance(3)
    assert lines == []
