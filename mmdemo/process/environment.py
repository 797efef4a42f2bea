"""What libraries read from the environment, put right where it would stop them."""

import getpass
import ipaddress
import os
from collections.abc import Iterator
from contextlib import contextmanager

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


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
