"""Making the engine of a version: each encoder is converted once, tried, timed beside PyTorch's, and kept by digest.

    engines/RUNTIME/DIGEST/         an encoder: its files, and engine.json
    engines/RUNTIME/DIGEST.trying   the process that makes or tries it; behind those that ended over it

The digest covers weights, configuration, versions of the runtime and of PyTorch, and RECIPE. Files are written aside
and moved whole; where engine.json doesn't fit them they are made anew. The first of the runtime's precisions serves
whose tokens are as close as CLOSE. An encoder that cannot be converted, is not as close in any, or gains nothing on
this processor, stays in PyTorch.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import platform
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmdemo import whole_file
from mmdemo.decode import SAMPLE_RATE_HZ
from mmdemo.model import encoded
from mmdemo.model.batch import Encoder, EncoderInputs
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines.converted import ConvertedEncoder, Engine, Failure
from mmdemo.model.engines.interface import Runtime, Shape
from mmdemo.model.model import Loaded
from mmdemo.values.samples import Inputs

RECIPE = 1  # counts the ways in which encoders were converted here
FILE = "engine.json"
EXACT = "f32"  # the precision in which answers are PyTorch's
CLOSE = {"bf16": 0.03, EXACT: 1e-3}  # how far tokens may lie from PyTorch's, in lengths of theirs, by precision
LEAST_GAIN = 1.1  # times as fast as PyTorch, under which it stays
ROUNDS = 5  # of the timing
KEPT = 12  # encoders of a runtime that stay in the home folder; the longest unused go first
TRIES = 3  # processes that may end over an encoder before it is left alone: most were told to
STEPS = {"text": 8, "audio": 32}  # modality → to which multiples lengths are padded: pieces, frames
CPU_INFO = Path("/proc/cpuinfo")

_log = logging.getLogger(__name__)

Arguments = tuple[Tensor, ...]


@dataclass(frozen=True)
class _Trial:
    """One encoder of a version, samples to try it on, and where its files belong."""

    encoder: ModalityEncoder
    arguments: Sequence[Arguments]  # of a short sample, a long one, and both together
    shapes: Sequence[Shape]  # of its arguments, -1 where they vary
    step: int
    folder: Path

    @property
    def mark(self) -> Path:
        """What is there while it is made or tried."""
        return self.folder.with_name(f"{self.folder.name}.trying")


def make(
    loaded: Loaded,
    encoders: Mapping[str, ModalityEncoder],
    runtime: Runtime,
    home: Path,
    threads: int,
    precisions: Sequence[str],
    least_gain: float = LEAST_GAIN,
) -> Engine | None:
    """Return the engine of a version, of files in `home` where they are whole; None where nothing is gained.

    `encoders` (by modality) are those that answer in PyTorch. Of `precisions` each takes the first that is close
    enough. A process that ends waits for no more than one.
    """
    failure, served, seconds = Failure(), dict[str, ConvertedEncoder](), np.zeros(2)  # … PyTorch's, and what serves
    for name in loaded.model.config.modalities:
        if not threading.main_thread().is_alive():
            break
        try:
            example = _example(loaded, name, encoders[name], runtime, home)
            with _marked(example.mark):
                converted, (torch_s, converted_s) = _tried(example, runtime, threads, precisions, failure)
        except Exception as error:  # whatever a runtime raises: what it cannot do, PyTorch does
            _log.info("%s does not compute the encoder of %s: %s", runtime.name, name, str(error).split("\n")[0])
            continue
        gains = torch_s >= least_gain * converted_s
        seconds += (torch_s, converted_s if gains else torch_s)
        if gains:
            served[name] = converted
    _tidy(home / runtime.name)
    return Engine(runtime.name, served, failure, float(seconds[0] / seconds[1])) if served else None


def _example(loaded: Loaded, name: str, encoder: ModalityEncoder, runtime: Runtime, home: Path) -> _Trial:
    noise = np.random.default_rng(0)
    size = loaded.processor.image.size if loaded.processor.image else 1
    samples = [
        Inputs(
            image=noise.integers(0, 256, (size, size, 3), np.uint8),
            text=" ".join(["a dog runs"] * words),
            audio=(noise.standard_normal(words * SAMPLE_RATE_HZ // 2) * 0.1).astype(np.float32),
        ).only([name])
        for words in (2, 7)
    ]
    arguments = []
    for chosen in (samples[:1], samples[1:], samples):
        inputs = loaded.processor(chosen).batch.modalities[name]
        assert isinstance(inputs, EncoderInputs)
        arguments.append(inputs.tensors)
    shapes = [
        [size if size == other else -1 for size, other in zip(one.shape, both.shape, strict=True)]
        for one, both in zip(arguments[0], arguments[2], strict=True)
    ]
    key = f"{encoded.digest(loaded, [name])} {runtime.name} {runtime.version()} {torch.__version__} {RECIPE}"
    folder = home / runtime.name / hashlib.sha256(key.encode()).hexdigest()[:32]
    return _Trial(encoder, arguments, shapes, STEPS.get(name, 1), folder)


def _tried(
    example: _Trial, runtime: Runtime, threads: int, precisions: Sequence[str], failure: Failure
) -> tuple[ConvertedEncoder, tuple[float, float]]:
    """Return an encoder as the runtime computes it, and the seconds of PyTorch and of the runtime.

    Raises ValueError where no precision is close enough.
    """
    if not _whole(example.folder):
        _write(example, runtime)
    with torch.inference_mode():
        for precision in precisions:
            hidden = runtime.read(example.folder, threads, precision)
            converted = ConvertedEncoder(
                example.encoder, hidden, example.shapes, example.step, runtime.name, precision, failure
            )
            if _distance(example, converted) <= CLOSE[precision]:
                break
        else:
            raise ValueError(f"its tokens lie {_distance(example, converted):.3f} from PyTorch's")
        about = _about(example.folder)
        cpu = f"{_cpu()}, {threads} threads, {precision}"
        if cpu not in about["seconds"]:
            about["seconds"][cpu] = _timed(example, converted)
            whole_file.write(example.folder / FILE, json.dumps(about, indent=1) + "\n")
    os.utime(example.folder)
    torch_s, converted_s = about["seconds"][cpu]
    return converted, (torch_s, converted_s)


def _write(example: _Trial, runtime: Runtime) -> None:
    """Convert an encoder into its folder; where another process was faster, its files stay."""
    shutil.rmtree(example.folder, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(dir=example.folder.parent, prefix=".made-"))
    try:
        runtime.write(example.encoder, example.arguments[2], example.shapes, aside)
        about = {"files": {path.name: _digest(path) for path in sorted(aside.iterdir())}, "seconds": {}}
        whole_file.write(aside / FILE, json.dumps(about, indent=1) + "\n")
        if not example.folder.exists():
            whole_file.move_folder(aside, example.folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _whole(folder: Path) -> bool:
    """Tell whether the files of an encoder are those that were written."""
    try:
        files = _about(folder)["files"]
        return bool(files) and all(_digest(folder / name) == digest for name, digest in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _about(folder: Path) -> dict[str, Any]:
    about: dict[str, Any] = json.loads((folder / FILE).read_text("utf-8"))
    return about


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _distance(example: _Trial, converted: ConvertedEncoder) -> float:
    """Return how far the real tokens lie from PyTorch's at most, in lengths of theirs; infinite where not finite."""
    distances = []
    for arguments in example.arguments:
        wanted, real = example.encoder(*arguments)
        tokens, same = converted.converted(*arguments)
        assert torch.equal(real, same)
        distances.append(float((tokens - wanted)[real].norm() / wanted[real].norm()))
    return max(distance if math.isfinite(distance) else math.inf for distance in distances)


def _timed(example: _Trial, converted: ConvertedEncoder) -> tuple[float, float]:
    """Return seconds of PyTorch and of the runtime for a short and a long sample, taken in turns.

    The fastest counts: whatever else the processor does only adds to it.
    """
    ways: tuple[Encoder, Encoder] = example.encoder, converted.converted
    seconds = []
    for arguments in example.arguments[:2]:
        of_sample: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            for way, encoder in enumerate(ways):
                start = time.perf_counter()
                encoder(*arguments)
                of_sample[way].append(time.perf_counter() - start)
        seconds.append([min(times) for times in of_sample])
    torch_s, converted_s = np.sum(seconds, axis=0).tolist()
    return torch_s, converted_s


@contextmanager
def _marked(mark: Path) -> Iterator[None]:
    """Leave a mark while the block lasts. Raises ValueError where processes died over it, or another is at it."""
    mark.parent.mkdir(parents=True, exist_ok=True)
    processes = mark.read_text("utf-8").split() if mark.is_file() else []
    if processes and _lives(int(processes[-1])):
        raise ValueError("another process is at it")
    if len(processes) >= TRIES:
        raise ValueError(f"{len(processes)} processes ended while they tried it; remove {mark} to try again")
    mark.write_text(" ".join([*processes, str(os.getpid())]), "utf-8")
    try:
        yield
    finally:
        mark.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _tidy(folder: Path) -> None:
    """Remove what was not used for longest, above the number that is kept."""
    if folder.is_dir():
        ours = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        for old in sorted(ours, key=lambda path: -path.stat().st_mtime)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)


def _cpu() -> str:
    lines = CPU_INFO.read_text("utf-8").splitlines() if CPU_INFO.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
