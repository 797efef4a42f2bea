"""Reads strangers' files in child processes with limits of memory and time: a codec's bug ends a child, nothing else.

A few children wait warm, shared by all threads. One that was ended is replaced at once.
"""

import atexit
import contextlib
import logging
import math
import os
import queue
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mmdemo import locale
from mmdemo.decode import files, pictures, sounds, wire
from mmdemo.decode.files import Notes
from mmdemo.decode.pictures import LONG_SIDE_PX
from mmdemo.decode.sounds import SAMPLE_RATE_HZ
from mmdemo.errors import BadInput
from mmdemo.tasks import Limits

try:
    import fcntl
except ImportError:  # no Unix: pipes stay as they are
    fcntl = None  # type: ignore[assignment]

CHILDREN = 2  # as many samples as the page takes in at once; scripts share them
LAST_WORDS_S = 0.5  # in which a child that is ending by itself is gone
_PIPE_BYTES = 1 << 20  # so that a sound is handed over at once, and a picture in a few turns
# Of the environment a child gets nothing else: keys and addresses are none of its business.
_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "SYSTEMROOT", "TMPDIR")
_ROOT = Path(__file__).resolve().parents[2]
_log = logging.getLogger(__name__)


def read_image(source: Path | str | bytes | Image.Image, limits: Limits) -> tuple[np.ndarray, Notes]:
    """Return what `pictures.read_image` returns; a file, or its bytes, is read in a child. Raises BadInput."""
    if isinstance(source, Image.Image):
        return pictures.read_image(source, limits)
    return _shared().read("image", files.content(source, limits.image_bytes, "image_empty"), limits)


def read_audio(source: Path | str | bytes | tuple[np.ndarray, int], limits: Limits) -> tuple[np.ndarray, Notes]:
    """Return what `sounds.read_audio` returns; a file, or its bytes, is read in a child. Raises BadInput."""
    if isinstance(source, tuple):
        return sounds.read_audio(source, limits)
    return _shared().read("audio", files.content(source, limits.audio_bytes, "audio_empty"), limits)


def warm() -> None:
    """Start the children, so that the first visitor doesn't wait for them; return at once."""
    _shared()


@dataclass(frozen=True)
class Costs:
    """What reading one file may take."""

    memory_mb: Mapping[str, int] = field(default_factory=lambda: {"image": 1_000, "audio": 250})  # beyond that at rest
    cpu_s: float = 3.0  # for any file …
    cpu_s_per_mb: float = 1.0  # … and for each megabyte of it more …
    most_cpu_s: float = 15.0  # … but never more
    wait_s: float = 10.0  # for a child to start, on a busy machine …
    busy: float = 3.0  # … where a file may take so many times its CPU time

    def seconds(self, size: int) -> int:
        """Return the CPU time for a file of `size` bytes."""
        return math.ceil(min(self.cpu_s + self.cpu_s_per_mb * size / 1e6, self.most_cpu_s))


class Child:
    """One process that reads one file at a time. It starts in the background: its first answer takes longer."""

    def __init__(self) -> None:
        process = subprocess.Popen(
            [sys.executable, "-m", "mmdemo.decode.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
            cwd=_ROOT,
            start_new_session=True,  # Ctrl+C in a terminal is for the parent, which then ends it
        )
        assert isinstance(process.stdin, FileIO) and isinstance(process.stdout, FileIO)  # for nothing is buffered
        self._process = process
        self._stdin: FileIO = process.stdin
        self._stdout: FileIO = process.stdout
        self._late = False
        for pipe in (self._stdin, self._stdout):
            os.set_blocking(pipe.fileno(), False)
            _widen(pipe)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def ask(
        self, head: Mapping[str, Any], content: bytes, most: int, wall_s: float
    ) -> tuple[dict[str, Any], np.ndarray]:
        """Return head and body of its answer, which has `most` bytes at most; it is ended when its time is over.

        Raises EOFError or OSError where it ended instead of answering, ValueError for what is no answer.
        """
        until = time.monotonic() + wall_s

        def ready(pipe: FileIO, event: int) -> None:
            poll = select.poll()
            poll.register(pipe.fileno(), event)
            if not poll.poll(max(0.0, until - time.monotonic()) * 1_000):
                raise TimeoutError

        try:
            wire.send(self._stdin, head, content, ready)
            answer, size = wire.receive_head(self._stdout, ready)
            if size > most:
                raise ValueError(f"an answer of {size} bytes")
            return answer, wire.receive_body(self._stdout, size, ready)
        except TimeoutError as error:
            self._late = True
            self._process.kill()
            raise EOFError from error

    def end(self) -> int:
        """End it, and return its exit code: below 0 the signal that ended it."""
        self._stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(LAST_WORDS_S)
        self._process.kill()
        self._stdout.close()
        code = self._process.wait()
        return -signal.SIGXCPU if self._late else code


class DecoderPool:
    """So many children, each handed to one thread at a time."""

    def __init__(self, count: int = CHILDREN, costs: Costs | None = None) -> None:
        self._costs = costs or Costs()
        self._children = [Child() for _ in range(count)]
        self._idle: queue.LifoQueue[int] = queue.LifoQueue()
        for number in range(count):
            self._idle.put(number)

    @property
    def pids(self) -> list[int]:
        """The process ids of its children."""
        return [child.pid for child in self._children]

    def read(self, modality: str, content: bytes, limits: Limits) -> tuple[np.ndarray, Notes]:
        """Return what the reader of a modality makes of a file, and says of it. Raises BadInput."""
        number = self._idle.get()
        try:
            if not self._children[number].lives:  # it was ended while it waited
                self._replace(number)
            return _read(self._children[number], modality, content, limits, self._costs)
        except (EOFError, OSError, ValueError):
            raise _ended(modality, self._replace(number)) from None
        except BadInput:
            raise
        except BaseException:
            self._replace(number)  # it may be in the middle of an answer that nobody takes any more
            raise
        finally:
            self._idle.put(number)

    def close(self) -> None:
        """End all children."""
        for child in self._children:
            child.end()

    def _replace(self, number: int) -> int:
        """Put another child in the place of one, and return the exit code of that one."""
        code = self._children[number].end()
        self._children[number] = Child()
        return code


def _read(child: Child, modality: str, content: bytes, limits: Limits, costs: Costs) -> tuple[np.ndarray, Notes]:
    cpu_s = costs.seconds(len(content))
    allowance = {"memory_bytes": costs.memory_mb[modality] * 1_000_000, "cpu_s": cpu_s}
    head = {"modality": modality, "limits": asdict(limits), "allowance": allowance}
    answer, body = child.ask(head, content, _MOST_BYTES[modality](limits), costs.wait_s + costs.busy * cpu_s)
    if "error" in answer:
        raise _refusal(answer)
    notes = tuple(note for note in answer["notes"] if f"note.{note}" in locale.catalogue(locale.LANGUAGES[0]))
    return _ARRAYS[modality](answer["shape"], body), notes


def _refusal(answer: Mapping[str, Any]) -> BadInput:
    """Return the refusal that a child tells. Raises ValueError where it is none of ours."""
    key, values = answer["error"], answer["values"]
    try:
        for language in locale.LANGUAGES:
            locale.text(f"error.{key}", language, **values)
    except (KeyError, TypeError, IndexError, AttributeError) as error:
        raise ValueError("an unknown refusal") from error
    return BadInput(key, **values)


def _ended(modality: str, code: int) -> BadInput:
    """Return the refusal of a file at which a child ended with this exit code."""
    _log.warning("A reader of strangers' files (%s) ended with code %d; another takes its place.", modality, code)
    return BadInput(f"{modality}_costly" if code == -signal.SIGXCPU else f"{modality}_ended_reader")


def _picture(shape: list[int], body: np.ndarray) -> np.ndarray:
    height, width, channels = shape
    if channels != 3 or not 0 < max(height, width) <= LONG_SIDE_PX:
        raise ValueError(f"a picture of {shape}")
    return body.reshape(height, width, channels)


def _sound(shape: list[int], body: np.ndarray) -> np.ndarray:
    wave = body.view(np.float32).reshape(shape)  # (samples,)
    if wave.ndim != 1 or not np.isfinite(wave).all():
        raise ValueError(f"a sound of {shape}")
    return wave


_ARRAYS: dict[str, Callable[[list[int], np.ndarray], np.ndarray]] = {"image": _picture, "audio": _sound}
_MOST_BYTES: dict[str, Callable[[Limits], int]] = {
    "image": lambda limits: LONG_SIDE_PX**2 * 3,
    "audio": lambda limits: math.ceil(limits.audio_max_s + 1) * SAMPLE_RATE_HZ * 4,
}


def _environment() -> dict[str, str]:
    variables = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    # glibc: what a large file took is given back after it, what a usual one takes is kept for the next.
    memory = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(32 << 20), "MALLOC_TRIM_THRESHOLD_": str(40 << 20)}
    return variables | memory | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}


def _widen(pipe: FileIO) -> None:
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
        with contextlib.suppress(OSError):  # one user may have so much of it
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


_making = threading.Lock()
_pools: list[DecoderPool] = []  # none before the first file of a stranger; then the one that all threads share


def _shared() -> DecoderPool:
    with _making:
        if not _pools:
            _pools.append(DecoderPool())
            atexit.register(_pools[0].close)
        return _pools[0]
