"""How many threads the arithmetic has, and that a thread that steps back does so alone."""

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mmdemo.process import environment


@pytest.mark.parametrize(("variable", "expected"), [("3", 3), (" 2, 1", 2), ("", None), ("0", None), ("two", None)])
def test_threads_are_those_that_torch_has(variable: str, expected: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", variable)
    assert environment.threads() == (expected or environment.cores()) >= 1


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own")
def test_who_steps_back_does_so_alone() -> None:
    def priority() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    def stepped_back() -> int:
        environment.step_back(2)
        return priority()

    before = priority()
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(stepped_back).result() == min(before + 2, 19)
    assert priority() == before
