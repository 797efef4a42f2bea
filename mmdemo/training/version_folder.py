"""The last steps of every training: calibrate, measure, write the version folder, whole or not at all."""

from __future__ import annotations

import dataclasses
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch

from mmdemo import whole_file
from mmdemo.checks import out_of_distribution
from mmdemo.checks.out_of_distribution import ReferenceStats
from mmdemo.errors import StorageError
from mmdemo.model import Loaded, MultimodalModel, packing
from mmdemo.model.packing import pack, unpack
from mmdemo.tasks import Task
from mmdemo.training.calibration.reference_stats import FEWEST, fit_references
from mmdemo.training.data import Data
from mmdemo.training.data.datasets import Item, only
from mmdemo.training.fitting.inference import logits, outputs, targets_of
from mmdemo.training.fitting.processes import say
from mmdemo.training.objectives import OBJECTIVES
from mmdemo.values.review import MeasuredOn
from mmdemo.values.samples import subsets
from mmdemo.versions import card, sidecar
from mmdemo.versions.sidecar import Sidecar
from mmdemo.versions.temperature_scaling import TemperatureScaling

MUCH = 0.1  # share of dev that is unlike what was learned from, above which a builder is warned


@dataclass(frozen=True)
class Calibration:
    """What serving needs beside the weights, all of it fitted on samples that were not trained on."""

    scalings: dict[str, TemperatureScaling]  # by subset of the modalities
    reference_stats: dict[str, ReferenceStats]  # by modality; the mean and spread are those of training itself
    limits: dict[str, float]  # by modality; those that too few samples carry are left out
    too_few: dict[str, int] = field(default_factory=dict)  # modality without a limit → samples that it has
    figures: dict[str, float] = field(default_factory=dict)  # what was measured on the way


@dataclass(frozen=True)
class Draft:
    """A version that is to be written."""

    folder: Path
    task: Task
    sidecar: Sidecar  # all but what calibration and dev tell
    bits: int = 16  # of a weight in its file
    parent: Path | None = None  # version whose file says how weights lie that did not change: as they are there
    store: Path | None = None  # where layers lie that several versions carry; None: all in its own file
    described: bool = True  # with a model card; else whoever measures the version next writes it


Calibrate = Callable[[Loaded, Data], Calibration]


def fit_calibration(loaded: Loaded, data: Data) -> Calibration:
    """Fit scalings and what is strange; where too few samples were set aside, training's own stand in."""
    judged = data.calibration if len(data.calibration) >= len(loaded.model.config.labels) else data.train
    # Captions made to be sure of would make the model look more honest than it is with what people send.
    sampled = [item for item in judged if not item.constructed] or judged
    scalings, fit_scaling = {}, OBJECTIVES[loaded.model.config.kind].fit_scaling
    for chosen in subsets(loaded.model.config.modalities):
        items = only(sampled, chosen)
        if items:
            scalings[sidecar.subset(chosen)] = fit_scaling(logits(loaded, items), targets_of(items))
    references = fit_references(pooled(loaded, data.train), pooled(loaded, data.calibration))
    return Calibration(
        scalings,
        {name: item.stats for name, item in references.items()},
        {name: item.limit for name, item in references.items() if item.limit is not None},
        {name: item.samples for name, item in references.items() if item.limit is None},
    )


def write_version(loaded: Loaded, data: Data, draft: Draft, calibrate: Calibrate = fit_calibration) -> Path:
    """Calibrate a trained model, measure it on dev and write its version folder, whole or not at all.

    `calibrate` fits what serving needs. Raises StorageError.
    """
    model, dev = loaded.model, data.dev
    before = logits(loaded, dev)
    packed = _packed(model, draft)
    model.load_state_dict(unpack(packed))  # what is measured is what is served
    calibration = calibrate(loaded, data)
    after = logits(loaded, dev)
    measured: dict[str, float] = {}
    if dev:
        objective = OBJECTIVES[draft.task.kind]
        measured = objective.figures(draft.task, after, targets_of(dev))
        measured["flipped_by_rounding"] = float(objective.differ(draft.task, before, after).mean())
        measured["unfamiliar"] = _unfamiliar(loaded, dev, calibration)
    if draft.sidecar.measured_on == MeasuredOn.DEV:
        _warn(calibration.too_few, measured)
    about = dataclasses.replace(
        draft.sidecar,
        machine=machine(),
        temperatures={subset: scaling.temperature for subset, scaling in calibration.scalings.items()},
        powers={subset: scaling.power for subset, scaling in calibration.scalings.items() if scaling.power},
        familiarity=calibration.limits,
        too_few=calibration.too_few,
        figures={**measured, **calibration.figures},
        measured=len(dev),
        dims={"parameters": sum(p.numel() for p in model.parameters()), "features": model.config.dim},
    )
    describe = partial(card.write, task=draft.task) if draft.described else None
    return write_folder(loaded, packed, calibration.reference_stats, about, draft.folder, describe, draft.store)


def write_folder(
    loaded: Loaded,
    packed: Mapping[str, torch.Tensor],
    stats: Mapping[str, ReferenceStats],
    about: Sidecar,
    out: Path,
    finish: Callable[[Path], None] | None,
    store: Path | None = None,
) -> Path:
    """Write a version folder, whole or not at all: what builds the model, its weights as packed, and what is known.

    `finish` is handed the folder before it takes its place, to write the model card and whatever is measured first;
    layers are in `store` before. Raises StorageError.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".training-") as name:
            folder = Path(name) / "version"
            _save(loaded, folder, packed, store)
            out_of_distribution.save(folder, stats)
            sidecar.write(folder, about)
            if finish:
                finish(folder)
            for path in folder.iterdir():
                path.chmod(0o644)  # safetensors leaves its files to their owner alone
            if out.is_dir():
                out.rmdir()  # empty, as was checked at the start
            whole_file.move_folder(folder, out)
    except OSError as error:
        raise StorageError("versions_not_writable", path=out, detail=error.strerror) from error
    return out


def machine() -> str:
    """Return what decides the bits of a training beside code and data: processor, threads, and PyTorch."""
    processor = f"{platform.system()} {platform.machine()} {torch.backends.cpu.get_cpu_capability()}"
    return f"{processor}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def pooled(loaded: Loaded, items: Sequence[Item]) -> dict[str, np.ndarray]:
    """Return by modality the mean tokens (n, d) before the fusion of the items that have it, in any order."""
    features: dict[str, list[np.ndarray]] = {name: [] for name in loaded.model.config.modalities}
    for rows, output in outputs(loaded, items):
        for name, means in (output.pooled or {}).items():
            there = [name in items[row].modalities for row in rows]
            features[name].append(means.cpu().numpy()[there])
    return {name: np.concatenate(means) for name, means in features.items() if any(map(len, means))}


def _unfamiliar(loaded: Loaded, items: Sequence[Item], calibration: Calibration) -> float:
    """Return the share of the items of which a modality lies beyond its limit."""
    flagged = np.zeros(len(items), bool)
    for rows, output in outputs(loaded, items):
        features = {name: means.cpu().numpy() for name, means in (output.pooled or {}).items()}
        strange = out_of_distribution.strange(features, calibration.reference_stats, calibration.limits)
        for name, beyond in strange.items():
            flagged[rows] |= beyond & np.array([name in items[row].modalities for row in rows])
    return round(float(flagged.mean()), 4)


def _warn(too_few: Mapping[str, int], measured: Mapping[str, float]) -> None:
    """Say what a builder should know of the doubt about what is strange."""
    for name, number in too_few.items():
        say(
            f"warning: {number} samples with {name} are too few to tell what is unlike them, {FEWEST} are needed: this "
            "version may be sure of what it knows nothing of"
        )
    if measured.get("unfamiliar", 0.0) > MUCH:
        say(
            f"warning: {measured['unfamiliar']:.0%} of dev is unlike the samples that were learned from, and only "
            "guessed: dev differs from train, or train is too small"
        )


def _packed(model: MultimodalModel, draft: Draft) -> dict[str, torch.Tensor]:
    """Return the weights as the version's file keeps them: encoders that did not learn stay so to the last bit."""
    weights = model.state_dict()
    packed = pack(weights, draft.bits)
    kept = packing.read(draft.parent) if draft.parent else {}
    before = unpack(kept)
    for name, value in weights.items():
        if name in before and torch.equal(before[name], value):
            packed |= {part: kept[part] for part in (name, name + packing.SCALE) if part in kept}
    return packed


def _save(loaded: Loaded, folder: Path, packed: Mapping[str, torch.Tensor], store: Path | None) -> None:
    folder.mkdir()
    loaded.model.config.save_pretrained(folder)
    packing.save(packed, folder, store)
    loaded.processor.save_pretrained(folder)
