"""The cores that this process may use, and which of its threads go first on them."""

import os
import sys
import threading


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Return how many threads OpenMP was told to take, of a list for nested ones the first number; else the cores."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and int(wanted) else cores()


def step_back(steps: int) -> None:
    """Let the other threads of this machine go before this one, and before those that it starts; Linux alone can."""
    if sys.platform == "linux":
        own = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + steps)
