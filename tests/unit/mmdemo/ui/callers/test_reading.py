"""One caller reads one file at a time; others read beside it, and nobody is remembered."""

import threading
from concurrent.futures import ThreadPoolExecutor

from mmdemo.ui.callers.uploads import ReadingTurns


def test_a_callers_second_file_waits_for_its_first_and_nobody_elses_does() -> None:
    turns, here, go = ReadingTurns(), [], threading.Event()

    def read(caller: str) -> None:
        with turns.take(caller):
            here.append(caller)
            assert go.wait(60)

    with ThreadPoolExecutor(6) as pool:
        reads = [pool.submit(read, caller) for caller in "aaaabb"]
        while set(here) != {"a", "b"}:
            threading.Event().wait(0.01)
        assert sorted(here) == ["a", "b"]
        go.set()
        for each in reads:
            each.result()
    assert sorted(here) == ["a", "a", "a", "a", "b", "b"]
    del reads, each
    assert len(turns._locks) == 0
