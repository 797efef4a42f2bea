"""The process in which strangers' files are read, one after another: python -m mmdemo.decode.child, started by `pool`.

It has no secrets, opens nothing, and imports only what reading needs. When its parent ends, so does it: the pipe on
which it waits is then at its end, and what it is just reading ends with its time.
"""

import contextlib
import os
import sys
import time
import warnings
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmdemo.decode import pictures, sounds, wire
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits

try:
    import resource
except ImportError:  # no Unix: the parent's clock alone sets a limit
    resource = None  # type: ignore[assignment]

READERS: dict[str, Any] = {"image": pictures.read_image, "audio": sounds.read_audio}  # modality → its reader
_STATM = Path("/proc/self/statm")
_STATM_DATA = 5  # its field of private memory that can be written, in pages: what RLIMIT_DATA counts


@dataclass(frozen=True)
class Allowance:
    """What reading one file may take."""

    memory_bytes: int  # more than the process has at rest
    cpu_s: int


def main() -> None:
    """Answer until standard input ends."""
    source, sink = FileIO(os.dup(0), "rb"), FileIO(os.dup(1), "wb")
    _be_quiet()
    _open_nothing()
    warnings.simplefilter("ignore")
    with contextlib.suppress(EOFError):
        while True:
            _answer(source, sink)


def _answer(source: FileIO, sink: FileIO) -> None:
    head, size = wire.receive_head(source)
    content = wire.receive_body(source, size).tobytes()
    _limit(Allowance(**head["allowance"]))
    limits = Limits(**head["limits"])
    Image.MAX_IMAGE_PIXELS = limits.image_pixels // 2  # Pillow refuses twice as many, also within an icon
    try:
        array, notes = READERS[head["modality"]](content, limits)
    except BadInput as error:
        wire.send(sink, {"error": error.key, "values": error.values})
    else:
        wire.send(sink, {"shape": array.shape, "notes": notes}, np.ascontiguousarray(array).data.cast("B"))


def _be_quiet() -> None:
    """Let no codec write where the parent reads, or into its log: what it says may hold what people sent."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.stdin = sys.stdout = sys.stderr = open(os.devnull, "r+", encoding="utf-8")  # noqa: SIM115, as long as we live


def _open_nothing() -> None:
    if resource is not None:
        for name in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):  # writes no file, leaves none when it crashes
            resource.setrlimit(name, (0, 0))


def _limit(allowed: Allowance) -> None:
    """Set the limits of the next file; macOS knows none of memory that it keeps."""
    if resource is None:
        return
    _soften(resource.RLIMIT_CPU, int(time.process_time()) + 1 + allowed.cpu_s)
    if _STATM.exists():
        pages = int(_STATM.read_text().split()[_STATM_DATA])
        _soften(resource.RLIMIT_DATA, pages * os.sysconf("SC_PAGE_SIZE") + allowed.memory_bytes)


def _soften(name: int, value: int) -> None:
    _, hard = resource.getrlimit(name)
    resource.setrlimit(name, (value if hard == resource.RLIM_INFINITY else min(value, hard), hard))


if __name__ == "__main__":
    main()
