"""Whether the very files of a version can be served, how large they are, and how long an answer takes.

They are loaded as the app loads them, by a predictor of their own, and asked about a sample of each set of modalities.
"""

import contextlib
import math
import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from annotations.nightly.limits import PairedCost
from mmdemo.answers import KINDS
from mmdemo.decode import decode
from mmdemo.errors import BadInput, MmdemoError
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Inputs, Prediction
from mmdemo.versions.registry import Versions

TIMED, ROUNDS = 8, 3  # samples that both versions are timed on, and how often: of each the fastest counts
CONFIG = "config.json"  # of a version: its architecture
SUM_IS_ONE = 1e-3


def fault(task: Task, version: str, settings: Settings, rows: Sequence[Row]) -> str:
    """Return what is wrong with the files of a version, "" for nothing: it answers, and its maps can be computed."""
    try:
        predictor = Predictor(task, version, settings)
        for inputs in _one_of_each(_read(predictor, rows)):
            if wrong := _wrong(task, predictor.predict_inputs(inputs, "default")):
                return f"{'+'.join(inputs.modalities)}: {wrong}"
    except (MmdemoError, ValueError, RuntimeError, KeyError, IndexError) as error:  # whatever a broken model raises
        return f"{type(error).__name__}: {error}"
    return ""


def costs(task: Task, names: tuple[str, str], settings: Settings, rows: Sequence[Row]) -> tuple[PairedCost, ...]:
    """Return size and latency of champion and challenger; no latency where both are built alike."""
    versions = Versions(settings)
    folders = [versions.path(task.name, name) for name in names]
    sizes = [float(sum(path.stat().st_size for path in folder.iterdir() if path.is_file())) for folder in folders]
    size = PairedCost("size", sizes[0], sizes[1])
    if _is_alike(*folders):
        return (size,)
    return size, PairedCost("latency", *_latencies(task, names, settings, rows))


def _is_alike(first: Path, second: Path) -> bool:
    return (first / CONFIG).read_bytes() == (second / CONFIG).read_bytes()


def _latencies(task: Task, names: tuple[str, str], settings: Settings, rows: Sequence[Row]) -> tuple[float, float]:
    """Return the median time of an answer in milliseconds, of both; they take turns, so that noise meets both alike."""
    predictors = [Predictor(task, name, settings) for name in names]
    samples = _read(predictors[0], rows)
    fastest = [[math.inf] * len(samples) for _ in predictors]
    for _ in range(ROUNDS):
        for number, inputs in enumerate(samples):
            for predictor, times in zip(predictors, fastest, strict=True):
                start = time.perf_counter()
                predictor.predict_inputs(inputs)
                times[number] = min(times[number], 1000 * (time.perf_counter() - start))
    first, second = (statistics.median(times) for times in fastest)
    return first, second


def _one_of_each(samples: Sequence[Inputs]) -> Iterator[Inputs]:
    """Yield one sample of each set of modalities, as far as these have any."""
    asked: set[tuple[str, ...]] = set()
    for inputs in samples:
        for size in range(1, len(inputs.modalities) + 1):
            for chosen in combinations(inputs.modalities, size):
                if chosen not in asked:
                    asked.add(chosen)
                    yield inputs.only(chosen)


def _read(predictor: Predictor, rows: Sequence[Row]) -> list[Inputs]:
    """Return the first samples that can be judged."""
    chosen: list[Inputs] = []
    for row in rows:
        with contextlib.suppress(BadInput):
            inputs = decode(row.sample, predictor.task)
            predictor.check(inputs)
            chosen.append(inputs)
        if len(chosen) == TIMED:
            break
    return chosen


def _wrong(task: Task, prediction: Prediction) -> str:
    shares = [*KINDS[task.kind].probabilities(prediction.answer).values()]
    if not (math.isfinite(prediction.confidence) and 0 <= prediction.confidence <= 1):
        return f"confidence {prediction.confidence}"
    if shares and not (all(map(math.isfinite, shares)) and abs(sum(shares) - 1) < SUM_IS_ONE):
        return f"probabilities {shares}"
    return "" if task.takes(prediction.label) else f"answer {prediction.label}"
