"""What a process finds around it: variables that libraries read, its own host, the cores that it may use."""

import getpass
import ipaddress
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
MOST_LANES = 4


def name_user() -> None:
    """Give the user a name where the system knows none: a container may run under any number.

    torch asks for it while it is imported, to call a folder after, and fails without.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError, ImportError):  # ImportError: Windows has no list of users
        os.environ["USER"] = f"uid-{os.getuid()}" if hasattr(os, "getuid") else "nobody"


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address, without a port, means this machine to every browser."""
    name = host.strip().strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@contextmanager
def without_proxies() -> Iterator[None]:
    """Hide the proxies of the environment: no proxy can reach what listens on this machine's own loopback.

    httpx asks them for every address that NO_PROXY does not name, and fails at once on some of their forms.
    """
    hidden = {name: os.environ.pop(name) for name in list(os.environ) if name.lower() in PROXIES}
    try:
        yield
    finally:
        os.environ |= hidden


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Return how many threads OpenMP was told to take, of a list for nested ones the first number; else the cores."""
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(wanted) if wanted.isdecimal() and int(wanted) else cores()


def lanes(threads: int) -> int:
    """Return in how many lanes samples are answered at once, where all of them have so many threads together."""
    return min(MOST_LANES, threads)


def step_back(steps: int) -> None:
    """Let the other threads of this machine go before this one, and before those that it starts; Linux alone can."""
    if sys.platform == "linux":
        own = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, own, os.getpriority(os.PRIO_PROCESS, own) + steps)
