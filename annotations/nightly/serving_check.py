"""Whether the very files of a version can be served, how large they are, and how long an answer takes.

They are loaded as the app loads them, by a predictor of their own, and asked about a sample of each set of modalities.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from annotations.nightly import interruption
from annotations.nightly.limits import PairedCost
from mmdemo.answers import KINDS
from mmdemo.decode import decode
from mmdemo.errors import BadInput
from mmdemo.model import packing
from mmdemo.prediction.predictor import Predictor
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training.manifests import Row
from mmdemo.values.samples import Inputs, Prediction, subsets
from mmdemo.versions.registry import Versions

TIMED, ROUNDS = 8, 3  # samples that both versions are timed on, and how often: of each the fastest counts
CONFIG = "config.json"  # of a version: its architecture
SUM_IS_ONE = 1e-3


def fault(
    task: Task,
    version: str,
    settings: Settings,
    rows: Sequence[Row],
    load: Callable[[Task, str, Settings], Predictor] = Predictor,
) -> str:
    """Return what is wrong with the files of a version, "" for nothing: it answers, and its maps can be computed."""
    try:
        predictor = load(task, version, settings)
        for inputs in _one_of_each(predictor, rows):
            if wrong := _wrong(task, predictor.predict_inputs(inputs, "default")):
                return f"{'+'.join(inputs.modalities)}: {wrong}"
    except Exception as error:  # whatever a broken model raises
        if interruption.is_told():
            raise
        return f"{type(error).__name__}: {error}"
    return ""


def costs(task: Task, names: tuple[str, str], settings: Settings, rows: Sequence[Row]) -> tuple[PairedCost, ...]:
    """Return size and latency of champion and challenger; no latency where both are built alike."""
    versions = Versions(settings)
    folders = [versions.path(task.name, name) for name in names]
    sizes = [float(packing.size(folder)) for folder in folders]
    size = PairedCost("size", sizes[0], sizes[1])
    if _is_alike(*folders):
        return (size,)
    return size, PairedCost("latency", *_latencies(task, names, settings, rows))


def _is_alike(first: Path, second: Path) -> bool:
    return (first / CONFIG).read_bytes() == (second / CONFIG).read_bytes()


def _latencies(task: Task, names: tuple[str, str], settings: Settings, rows: Sequence[Row]) -> tuple[float, float]:
    """Return the median time of an answer in milliseconds, of both; they take turns, so that noise meets both alike."""
    predictors = [Predictor(task, name, settings) for name in names]
    samples = list(islice(_readable(predictors[0], rows), TIMED))
    fastest = [[math.inf] * len(samples) for _ in predictors]
    for _ in range(ROUNDS):
        for number, inputs in enumerate(samples):
            for predictor, times in zip(predictors, fastest, strict=True):
                start = time.perf_counter()
                predictor.predict_inputs(inputs)
                times[number] = min(times[number], 1000 * (time.perf_counter() - start))
    first, second = (statistics.median(times) for times in fastest)
    return first, second


def _one_of_each(predictor: Predictor, rows: Sequence[Row]) -> Iterator[Inputs]:
    """Yield one sample of each set of modalities that any of the rows has; those that bring no new one are not read."""
    asked: set[tuple[str, ...]] = set()
    for row in rows:
        if asked.issuperset(subsets(row.sample.modalities)):
            continue
        for inputs in _readable(predictor, [row]):
            new = [chosen for chosen in subsets(inputs.modalities) if chosen not in asked]
            asked.update(new)
            yield from map(inputs.only, new)


def _readable(predictor: Predictor, rows: Iterable[Row]) -> Iterator[Inputs]:
    """Yield the samples that can be judged."""
    for row in rows:
        try:
            inputs = decode(row.sample, predictor.task)
            predictor.check(inputs)
        except BadInput:
            continue
        yield inputs


def _wrong(task: Task, prediction: Prediction) -> str:
    shares = [*KINDS[task.kind].probabilities(prediction.answer).values()]
    if not (math.isfinite(prediction.confidence) and 0 <= prediction.confidence <= 1):
        return f"confidence {prediction.confidence}"
    if shares and not (all(map(math.isfinite, shares)) and abs(sum(shares) - 1) < SUM_IS_ONE):
        return f"probabilities {shares}"
    return "" if task.takes(prediction.label) else f"answer {prediction.label}"
