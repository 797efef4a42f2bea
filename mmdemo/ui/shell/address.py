"""Where the page listens: asked before anything heavy is imported, and said in a sentence where it can't."""

import errno
import socket

from mmdemo.errors import CannotListen
from mmdemo.settings import Settings


def check(settings: Settings) -> None:
    """Return if the page can be served where the settings say. Raises CannotListen."""
    host = settings.server_name.strip("[]")
    try:
        family = socket.getaddrinfo(host, settings.server_port)[0][0]
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, settings.server_port))
    except (OSError, OverflowError) as error:
        raise refusal(settings, error) from error


def refusal(settings: Settings, error: Exception) -> CannotListen:
    """Return what to say of an address that another call could not use."""
    used = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
    key = "port_in_use" if used else "address_wrong"
    return CannotListen(key, address=settings.server_name, port=settings.server_port, detail=error)
