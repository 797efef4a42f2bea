"""Freed memory is used again without asking the kernel for it."""

import platform
import subprocess
import sys

import pytest

from mmdemo.process import memory
from mmdemo.settings import ROOT

FAULTS = """
import resource
from mmdemo.process import memory
for bounds in [{bounds}]:
    assert memory.keep_freed(bounds)
bytes(bytearray(20_000_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    bytearray(20_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(bounds: str) -> int:
    """Return how many pages the kernel has to give while ten blocks of 20 MB come and go."""
    program = FAULTS.format(bounds=bounds)
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(said.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_blocks_that_come_and_go_are_not_asked_of_the_kernel_again() -> None:
    kept = faults("memory.SERVING"), faults("memory.TRAINING")
    assert max(kept) < 1_000 < faults("")


LARGE = """
import ctypes
from pathlib import Path
from mmdemo.process import memory

library = ctypes.CDLL(None)
library.malloc.restype = ctypes.c_void_p
library.free.argtypes = [ctypes.c_void_p]

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

def block(size):
    place = library.malloc(size)
    ctypes.memset(place, 1, size)
    return place

assert memory.keep_freed(memory.SERVING)
before = resident_mb()
small = [block(1_000_000) for _ in range(300)]
picture = block(150_000_000)
most = resident_mb()
library.free(picture)
without_picture = resident_mb()
for place in reversed(small):
    library.free(place)
print(most - before, without_picture - before, resident_mb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_serving_keeps_no_more_than_its_bound() -> None:
    command = [sys.executable, "-c", LARGE]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    most, without_picture, left = map(float, output.split())
    assert most > 440 and without_picture < 310 and left < 140


PINNED = """
import threading
from pathlib import Path
from mmdemo.process import memory

def resident_mb():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

assert memory.keep_freed()
blocks, pins = [], []
for _ in range(50):
    blocks.append(bytearray(b"x") * 2_000_000)
    pins.append(bytearray(b"x") * 1_000)  # ends the heap behind each block
del blocks
before = resident_mb()
stop = threading.Event()
memory.give_back_regularly(stop, every_s=0.05)
memory.WORKED_S = 0.0
for _ in range(400):
    if before - resident_mb() > 80:
        break
    stop.wait(0.05)
print(before - resident_mb())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_blocks_that_small_ones_pin_are_given_back() -> None:
    command = [sys.executable, "-c", PINNED]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert float(output) > 80  # of 100 MB


def test_whatever_holds_memory_of_its_own_is_asked_to_give_back_as_long_as_it_lives() -> None:
    asked = list[str]()

    class MemoryPool:
        def __init__(self, name: str) -> None:
            self.name = name

        def give_back(self) -> None:
            asked.append(self.name)

    one, other = MemoryPool("one"), MemoryPool("other")
    memory.ask_too(one)
    memory.ask_too(other)
    memory.give_back()
    assert sorted(asked) == ["one", "other"]
    del other
    memory.give_back()
    assert asked[2:] == ["one"]
