"""A caller of bad manners: raw requests over loopback, from an address that is not the visitor's."""

import contextlib
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing
from urllib.parse import urlsplit

ADDRESS = "127.0.0.66"  # loopback is a network of 2^24 addresses; the visitor has another one
PATIENCE_S = 30


class Stranger:
    """Asks one server, whatever it answers."""

    def __init__(self, url: str, address: str = ADDRESS) -> None:
        parts = urlsplit(url)
        self.server = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.address = address

    def named(self, address: str) -> "Stranger":
        """Return the same at another address of loopback."""
        return Stranger(f"http://{self.server[0]}:{self.server[1]}", address)

    def connect(self) -> socket.socket:
        """Return an open connection."""
        return socket.create_connection(self.server, timeout=PATIENCE_S, source_address=(self.address, 0))

    def ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] = b"", size: int | None = None, **headers: str
    ) -> str:
        """Send one request and return the status that answers it, or how the connection ended."""
        pieces = [body] if isinstance(body, bytes) else body
        length = size if size is not None else len(body) if isinstance(body, bytes) else 0
        lines = [f"{method} {path} HTTP/1.1", "Host: stranger", f"Content-Length: {length}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        with closing(self.connect()) as connection:
            # Refused while it is still sent: the answer, if there is one, lies there to be read.
            with contextlib.suppress(OSError):
                connection.sendall("\r\n".join([*lines, "", ""]).encode())
                for piece in pieces:
                    connection.sendall(piece)
            return status(connection)

    def post(self, path: str, body: bytes) -> str:
        """Send JSON."""
        return self.ask("POST", path, body, Content_Type="application/json")

    def upload(self, pieces: Iterable[bytes], size: int) -> str:
        """Send a multipart body of the boundary "b"."""
        return self.ask("POST", "/gradio_api/upload", pieces, size, Content_Type="multipart/form-data; boundary=b")


def status(connection: socket.socket) -> str:
    """Return the status of the response that comes, or how the connection ended."""
    try:
        line = connection.recv(2**16).split(b"\r\n")[0].decode("latin-1")
    except OSError as error:
        return type(error).__name__
    return line.split(" ")[1] if line.startswith("HTTP/") else "closed"


def part(disposition: str) -> bytes:
    """Return the head of a part of a multipart body."""
    return f"--b\r\nContent-Disposition: form-data; {disposition}\r\n\r\n".encode()


def filler(size: int, piece: int = 2**20) -> Iterator[bytes]:
    """Yield `size` bytes, none of them kept."""
    block = b"x" * piece
    for _ in range(size // piece):
        yield block
    yield block[: size % piece]
