"""What parent and child of `pool` say to each other over pipes: a head, which is JSON, and a body of raw bytes.

Nothing is unpickled: a child that a file has taken over can say nothing but an array or a refusal.
"""

import json
import select
import struct
from collections.abc import Callable, Mapping
from io import FileIO
from typing import Any

import numpy as np

_LENGTHS = struct.Struct(">IQ")  # bytes of the head, bytes of the body
_MOST_HEAD_BYTES = 1 << 16


Ready = Callable[
    [FileIO, int], None
]  # waits until a pipe that does not block can be read or written (an event of poll)


def _never_waits(pipe: FileIO, event: int) -> None:
    raise AssertionError("a pipe that blocks does its waiting itself")


def send(pipe: FileIO, head: Mapping[str, Any], body: bytes | memoryview = b"", ready: Ready = _never_waits) -> None:
    """Write a head and a body. Raises OSError where nobody reads any more, and what `ready` raises."""
    head_bytes = json.dumps(head).encode()
    for part in (_LENGTHS.pack(len(head_bytes), len(body)) + head_bytes, body):
        rest = memoryview(part)
        while rest:
            count = pipe.write(rest)
            if count is None:
                ready(pipe, select.POLLOUT)
            else:
                rest = rest[count:]


def receive_head(pipe: FileIO, ready: Ready = _never_waits) -> tuple[dict[str, Any], int]:
    """Return the next head, and how many bytes of a body follow it. Raises as `receive_body` does, and ValueError."""
    head_bytes, body_bytes = _LENGTHS.unpack(receive_body(pipe, _LENGTHS.size, ready).tobytes())
    if head_bytes > _MOST_HEAD_BYTES:
        raise ValueError(f"a head of {head_bytes} bytes")
    head = json.loads(receive_body(pipe, head_bytes, ready).tobytes())
    if not isinstance(head, dict):
        raise ValueError("a head that is no object")
    return head, body_bytes


def receive_body(pipe: FileIO, size: int, ready: Ready = _never_waits) -> np.ndarray:
    """Return the next bytes, (size,) uint8. Raises EOFError where they end before, OSError, and what `ready` raises."""
    body = np.empty(size, np.uint8)
    rest = body.data
    while rest:
        count = pipe.readinto(rest)
        if count == 0:
            raise EOFError
        if count is None:
            ready(pipe, select.POLLIN)
        else:
            rest = rest[count:]
    return body
