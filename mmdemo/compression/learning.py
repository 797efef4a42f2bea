"""What methods share whose weights answer otherwise: samples to learn, to fit and to compare on, and calibration."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmdemo.compression.interface import Compressed, Request
from mmdemo.compression.storage import bits_of
from mmdemo.errors import ManifestError
from mmdemo.model import Loaded, packing
from mmdemo.process.logs import say
from mmdemo.tasks import Task
from mmdemo.training.data import Data
from mmdemo.training.data.datasets import decode_rows
from mmdemo.training.jobs import Origin, TrainingJob, train_model
from mmdemo.training.manifests import Row, splits
from mmdemo.training.options import options
from mmdemo.training.version_folder import fit_calibration

ASIDE, HALF = 0.3, 0.5  # shares: what is not learned from, and of that what is compared on
FEWEST = 4  # samples in each part
COMPARED = "compared"  # purpose of a draw


def recovered(
    request: Request,
    task: Task,
    settings: Mapping[str, Any],
    smaller: Callable[[TrainingJob, Sequence[Row]], Loaded],
    overrides: Mapping[str, Any],
) -> Compressed:
    """Return a smaller model that learned, on most of the samples, their labels and what the original answers.

    `smaller` returns it as training begins. Raises ManifestError for too few samples, or a task that differs.
    """
    learned, fitted, judged = _parts(request)
    chosen = {**overrides, **request.settings.training}
    job = TrainingJob.of(task, options(task, **chosen), Origin(teachers=[request.folder]))
    loaded = smaller(job, learned)
    say(f"{len(learned)} samples to learn from, {len(fitted)} to calibrate on, {len(judged)} to compare on")
    data = Data(*(decode_rows(rows, task, loaded.processor) for rows in (learned, fitted)))
    train_model(job, loaded, data)
    return calibrated(request, Compressed(loaded, {}, {**settings, "epochs": job.options.epochs}, judged), data)


def pruned(request: Request, settings: Mapping[str, Any]) -> Compressed:
    """Return the request's model, whose weights were changed, calibrated on samples that it is not compared on."""
    learned, fitted, judged = _parts(request)
    data = Data(*(decode_rows(rows, request.task, request.loaded.processor) for rows in (learned, fitted)))
    return calibrated(request, Compressed(request.loaded, {}, settings, judged), data)


def calibrated(request: Request, smaller: Compressed, data: Data) -> Compressed:
    """Return it with its weights as a file keeps them, as many bits each as before, and what serving them needs."""
    model = smaller.loaded.model.eval()
    packed = packing.pack(model.state_dict(), bits_of(request))
    model.load_state_dict(packing.unpack(packed))
    return Compressed(smaller.loaded, packed, smaller.settings, smaller.rows, fit_calibration(smaller.loaded, data))


def _parts(request: Request) -> tuple[list[Row], list[Row], list[Row]]:
    """Return the rows to learn from, to calibrate on and to compare on; what is alike stands in one of them."""
    by = request.task.split_by
    learned, aside = splits.calibration_split(request.rows, ASIDE, by)
    fitted, judged = splits.part(aside, HALF, by, COMPARED)
    if min(map(len, (learned, fitted, judged))) < FEWEST:
        raise ManifestError("compress_too_few", count=len(request.rows), fewest=FEWEST)
    return learned, fitted, judged
