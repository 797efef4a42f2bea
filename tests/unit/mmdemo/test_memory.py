"""Freed memory is used again without asking the kernel for it."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FAULTS = """
import resource
from mmdemo import memory
if {keep}:
    assert memory.keep_freed()
bytes(bytearray(20_000_000))
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    bytearray(20_000_000)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(keep: bool) -> int:
    """Return how many pages the kernel has to give while ten blocks of 20 MB come and go."""
    program = FAULTS.format(keep=keep)
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return int(said.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be asked")
def test_blocks_that_come_and_go_are_not_asked_of_the_kernel_again() -> None:
    assert faults(keep=True) < 1_000 < faults(keep=False)
