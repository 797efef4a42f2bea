"""A smaller version is made, written beside nobody's pointer, and compared with its original in the same run."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import mean

from mmdemo import compression, decode
from mmdemo.checks import out_of_distribution
from mmdemo.compression.interface import Compressed, MethodSettings, Request
from mmdemo.errors import ManifestError
from mmdemo.evaluation.answers import LabelledRow, ask_whole
from mmdemo.evaluation.judging import part
from mmdemo.model import MultimodalModel, packing
from mmdemo.model.engines import whole_model
from mmdemo.prediction.predictor import Predictor
from mmdemo.speed.turns import Clock, in_turns, timings
from mmdemo.tasks import Task
from mmdemo.training.continual import memory
from mmdemo.training.manifests import Row
from mmdemo.training.version_folder import write_folder
from mmdemo.values.history import Change, CompressionRecord
from mmdemo.values.samples import Inputs, Sample
from mmdemo.versions import card, curves, sidecar
from mmdemo.versions.sidecar import Sidecar

Answering = Callable[[Path], Predictor]  # what answers with the version in a folder
ALONE = 8  # samples that are timed, one by one
BEFORE, AFTER = "before", "after"
UNREAD = (
    sidecar.FILE,
    card.FILE,
    curves.FILE,
    memory.FILE,
    whole_model.FILE,
)  # files that no answer needs


@dataclass(frozen=True)
class Comparing:
    """How the two versions are compared."""

    manifest: str  # its name
    rows: Sequence[Row] | None  # its samples; None: those that the method is given, or what of them it left alone
    samples: int  # at most; from all over the manifest
    rounds: int  # in which answers are timed
    clock: Clock
    answering: Answering


@dataclass(frozen=True)
class Naming:
    """What the new version is called, where it lies, and how to make it again."""

    out: Path
    name: str
    command: str


def compress(
    method: str,
    task: Task,
    folder: Path,
    rows: Sequence[Row],
    settings: MethodSettings,
    naming: Naming,
    comparing: Comparing,
) -> CompressionRecord:
    """Write `naming.out`, the version in `folder` made smaller, and return how the two compare.

    Its sidecar says so too. Raises UnknownName, ManifestError, CheckpointError, StorageError.
    """
    make, before = compression.get(method), sidecar.read(folder)
    sidecar.check(before, task, folder)
    if naming.out.exists() and (not naming.out.is_dir() or any(naming.out.iterdir())):
        raise ManifestError("out_taken", path=naming.out)
    loaded = MultimodalModel.load(folder)
    smaller = make(Request(task, folder, loaded, packing.read(folder), rows, settings))
    stats = smaller.calibration.reference_stats if smaller.calibration else out_of_distribution.load(folder)
    records: list[CompressionRecord] = []

    def finish(written: Path) -> None:
        judged = next(each for each in (comparing.rows, smaller.rows, rows) if each is not None)
        judged = judged[:: max(1, len(judged) // comparing.samples)][: comparing.samples]
        record = _compared(task, (folder, written), judged, comparing)
        more = smaller.finish(written, judged, comparing.clock)
        size = Change(weighed(folder), weighed(written))
        record = dataclasses.replace(record, method=method, settings=dict(smaller.settings), bytes=size, more=more)
        parameters = sum(each.numel() for each in MultimodalModel.load(written).model.parameters())
        about = sidecar.read(written)
        if smaller.answers_alike:
            _carry_over(folder, written)
        sidecar.write(
            written, dataclasses.replace(about, compression=record, dims={**about.dims, "parameters": parameters})
        )
        card.write(written, task, measured=folder if smaller.answers_alike else None)
        records.append(record)

    about = _sidecar(before, smaller, naming)
    write_folder(smaller.loaded, smaller.packed, stats, about, naming.out, finish)
    return records[0]


def weighed(folder: Path) -> int:
    """Return the bytes of the files that a version answers with."""
    return packing.size(folder) - sum((folder / name).stat().st_size for name in UNREAD if (folder / name).is_file())


def _sidecar(before: Sidecar, smaller: Compressed, naming: Naming) -> Sidecar:
    """Return what is known of the new version: of other weights nothing was promised, or measured on dev."""
    calibration, successor = smaller.calibration, before.successor(naming.name, naming.command)
    if smaller.answers_alike:
        runtimes = {name: dataclasses.replace(record, version=naming.name) for name, record in before.runtimes.items()}
        return dataclasses.replace(successor, promise=before.promise, runtimes=runtimes)
    about = dataclasses.replace(successor, figures={}, measured=0)
    if calibration is None:
        return about
    return dataclasses.replace(
        about,
        temperatures={subset: scaling.temperature for subset, scaling in calibration.scalings.items()},
        powers={subset: scaling.power for subset, scaling in calibration.scalings.items() if scaling.power},
        familiarity=calibration.limits,
        too_few=calibration.too_few,
    )


def _carry_over(before: Path, after: Path) -> None:
    """Write into a version what lies beside another's weights, whose answers and tokens are the same to the last bit.

    What it remembers are such tokens; what is written anew is whose they are.
    """
    if (before / curves.FILE).is_file():
        shutil.copyfile(before / curves.FILE, after / curves.FILE)
    memory.hand_on(before, after, MultimodalModel.load(after))


def _compared(task: Task, folders: tuple[Path, Path], rows: Sequence[Row], comparing: Comparing) -> CompressionRecord:
    """Return how two versions answer samples. Raises ManifestError where they can judge none."""
    predictors = [comparing.answering(folder) for folder in folders]
    answers = [ask_whole(predictor, rows) for predictor in predictors]
    if not answers[0]:
        raise ManifestError("nothing_to_evaluate", count=len(rows))
    figures = [part(task, each) for each in answers]
    same = [one.prediction.label == other.prediction.label for one, other in zip(*answers, strict=True)]
    accuracy, ece = (Change(*(each.figure(name) for each in figures)) for name in ("accuracy", "ece"))
    guessed = Change(*(sum(row.prediction.capped for row in each) / len(each) for each in answers))
    return CompressionRecord(
        method="",
        settings={},
        manifest=comparing.manifest,
        samples=len(same),
        bytes=Change(0, 0),
        agreement=sum(same) / len(same),
        accuracy=accuracy,
        ece=ece,
        guessed=guessed,
        maps=Change(*(_shortfall(predictor, [each.row for each in answers[0]]) for predictor in predictors)),
        latency=_latency(predictors, [each.row.sample for each in answers[0][:ALONE]], comparing),
    )


def _shortfall(predictor: Predictor, rows: Sequence[LabelledRow]) -> float:
    """Return the mean of what the default maps of samples fall short of being faithful."""
    return mean(predictor.map_shortfall(decode.decode(row.sample, predictor.task)) for row in rows)


def _latency(
    predictors: Sequence[Predictor], samples: Sequence[Sample], comparing: Comparing
) -> tuple[float, float, float]:
    """Return how many times as long an answer takes: median and quartiles over samples and turns."""
    seconds: dict[str, list[float]] = {BEFORE: [], AFTER: []}
    for sample in samples:
        inputs = decode.decode(sample, predictors[0].task)

        measures = {
            name: partial(_answer, predictor, inputs)
            for name, predictor in zip((BEFORE, AFTER), predictors, strict=True)
        }
        for name, took in in_turns(measures, comparing.rounds, comparing.clock).items():
            seconds[name] += took
    [row] = timings(seconds, {AFTER: BEFORE})
    return row.ratio, row.low, row.high


def _answer(predictor: Predictor, inputs: Inputs) -> None:
    predictor.forget()  # else the encoders are asked once
    predictor.predict_inputs(inputs)
