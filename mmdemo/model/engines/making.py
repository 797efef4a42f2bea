"""Making the engine of a version: each encoder is converted once, tried, timed beside PyTorch's, and kept by digest.

    engines/RUNTIME/DIGEST/   an encoder: its files, and engine.json

The digest covers weights, configuration, versions of the runtime and of PyTorch, and RECIPE. Files are written aside
and moved whole; where engine.json doesn't fit them they are made anew. The first of the runtime's precisions serves
whose tokens are as close as CLOSE. An encoder that cannot be converted, is not as close in any, or gains nothing on
this processor, stays in PyTorch; what gained nothing is timed again at the next load, as others may have been at work.
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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmdemo import whole_file
from mmdemo.model import encoded
from mmdemo.model.batch import Encoder, EncoderInputs
from mmdemo.model.encoders.interface import ModalityEncoder
from mmdemo.model.engines import tracing
from mmdemo.model.engines.attempts import attempt
from mmdemo.model.engines.converted import ConvertedEncoder, Engine, Failure
from mmdemo.model.engines.interface import Runtime, Shape
from mmdemo.model.model import Loaded

RECIPE = 1  # counts the ways in which encoders were converted here
FILE = "engine.json"
EXACT = "f32"  # the precision in which answers are PyTorch's
CLOSE = {"int8": 0.06, "bf16": 0.03, EXACT: 1e-3}  # precision → how far tokens may lie off, in lengths of PyTorch's
LEAST_GAIN = 1.1  # times as fast as PyTorch, under which it stays
ROUNDS = 5  # of the timing
KEPT = 12  # encoders of a runtime that stay in the home folder; the longest unused go first
ASIDE = ".made-"  # how folders begin that are being written
LEFT_S = 3600.0  # after which such a folder is that of a process that ended
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
            trial = _trial(loaded, name, encoders[name], runtime, home)
            with attempt(trial.folder):
                converted, (torch_s, converted_s) = _tried(trial, runtime, threads, precisions, failure, least_gain)
        except Exception as error:  # whatever a runtime raises: what it cannot do, PyTorch does
            _log.info("%s does not compute the encoder of %s: %s", runtime.name, name, str(error).split("\n")[0])
            continue
        gains = torch_s >= least_gain * converted_s
        seconds += (torch_s, converted_s if gains else torch_s)
        if gains:
            served[name] = converted
    _tidy(home / runtime.name)
    return Engine(runtime.name, served, failure, float(seconds[0] / seconds[1])) if served else None


def _trial(loaded: Loaded, name: str, encoder: ModalityEncoder, runtime: Runtime, home: Path) -> _Trial:
    samples, arguments = tracing.examples(loaded, [name]), []
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
    trial: _Trial,
    runtime: Runtime,
    threads: int,
    precisions: Sequence[str],
    failure: Failure,
    least_gain: float,
) -> tuple[ConvertedEncoder, tuple[float, float]]:
    """Return an encoder as the runtime computes it, and the seconds of PyTorch and of the runtime.

    Raises ValueError where no precision is close enough.
    """
    if not _whole(trial.folder):
        _write(trial, runtime)
    with torch.inference_mode():
        for precision in precisions:
            hidden = runtime.read(trial.folder, threads, precision)
            converted = ConvertedEncoder(
                trial.encoder, hidden, trial.shapes, trial.step, runtime.name, precision, failure
            )
            if _distance(trial, converted) <= CLOSE[precision]:
                break
        else:
            raise ValueError(f"its tokens lie {_distance(trial, converted):.3f} from PyTorch's")
        about = _about(trial.folder)
        cpu = f"{_cpu()}, {threads} threads, {precision}"
        seconds = about["seconds"].get(cpu)
        if seconds is None or seconds[0] < least_gain * seconds[1]:
            about["seconds"][cpu] = seconds = _timed(trial, converted)
            whole_file.write(trial.folder / FILE, json.dumps(about, indent=1) + "\n")
    os.utime(trial.folder)
    return converted, (seconds[0], seconds[1])


def _write(trial: _Trial, runtime: Runtime) -> None:
    """Convert an encoder into its folder."""
    shutil.rmtree(trial.folder, ignore_errors=True)
    aside = Path(tempfile.mkdtemp(dir=trial.folder.parent, prefix=ASIDE))
    try:
        runtime.write(trial.encoder, trial.arguments[2], trial.shapes, aside)
        about = {"files": {path.name: _digest(path) for path in sorted(aside.iterdir())}, "seconds": {}}
        whole_file.write(aside / FILE, json.dumps(about, indent=1) + "\n")
        whole_file.move_folder(aside, trial.folder)
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


def _distance(trial: _Trial, converted: ConvertedEncoder) -> float:
    """Return how far the real tokens lie from PyTorch's at most, in lengths of theirs; infinite where not finite."""
    distances = []
    for arguments in trial.arguments:
        wanted, real = trial.encoder(*arguments)
        tokens, same = converted.converted(*arguments)
        assert torch.equal(real, same)
        distances.append(float((tokens - wanted)[real].norm() / wanted[real].norm()))
    return max(distance if math.isfinite(distance) else math.inf for distance in distances)


def _timed(trial: _Trial, converted: ConvertedEncoder) -> tuple[float, float]:
    """Return seconds of PyTorch and of the runtime for a short and a long sample, taken in turns.

    The fastest counts: whatever else the processor does only adds to it.
    """
    ways: tuple[Encoder, Encoder] = trial.encoder, converted.converted
    seconds = []
    for arguments in trial.arguments[:2]:
        of_sample: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            for way, encoder in enumerate(ways):
                start = time.perf_counter()
                encoder(*arguments)
                of_sample[way].append(time.perf_counter() - start)
        seconds.append([min(times) for times in of_sample])
    torch_s, converted_s = np.sum(seconds, axis=0).tolist()
    return torch_s, converted_s


def _tidy(folder: Path) -> None:
    """Remove what was not used for longest, above the number that is kept, and what processes left half written."""
    if folder.is_dir():
        for aside in folder.glob(f"{ASIDE}*"):
            if aside.stat().st_mtime < time.time() - LEFT_S:
                shutil.rmtree(aside, ignore_errors=True)
        ours = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        for old in sorted(ours, key=lambda path: -path.stat().st_mtime)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)


def _cpu() -> str:
    lines = CPU_INFO.read_text("utf-8").splitlines() if CPU_INFO.is_file() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
