"""From two manifests to a version folder that can be served: train, calibrate, measure, save."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transformers import set_seed

from mmdemo import sidecar, tasks
from mmdemo.errors import ManifestError
from mmdemo.model import MultimodalModel, MultimodalProcessor
from mmdemo.sidecar import Sidecar
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.datasets import Item, decode_rows
from mmdemo.training.folder import figures, finish
from mmdemo.training.inference import labels, logits
from mmdemo.training.options import options
from mmdemo.training.trainer import fit


def train(
    task: Task | str,
    train_manifest: Path | str,
    dev_manifest: Path | str | None,
    out: Path | str,
    *,
    starts: Mapping[str, str | Path] | None = None,
    parent: Path | None = None,
    seed: int = 0,
    version: str | None = None,
    command: str = "",
    **overrides: Any,
) -> Path:
    """Train a model of `task` and return `out`, a version folder named `version` (default: the folder's name).

    `starts` (modality → folder or Hub name) override the task's; `parent`, a version folder, is trained further
    instead. `overrides` are fields of Options. Dev is only reported on. The same seed gives the same weights on the
    same machine. Raises ManifestError, CheckpointError, UnknownName, StorageError before training.
    """
    task = tasks.get(task) if isinstance(task, str) else task
    chosen = options(task, seed=seed, **overrides)
    out = _free(Path(out))
    rows = manifests.read(train_manifest, task)
    dev_rows = manifests.read(dev_manifest, task) if dev_manifest else []
    set_seed(chosen.seed)
    model, processor = MultimodalModel.load(parent) if parent else MultimodalModel.build(task, starts)
    taught_rows, aside_rows = manifests.hold_out(rows, chosen.hold_out)
    say(f"{len(taught_rows)} samples to learn from, {len(aside_rows)} set aside, {len(dev_rows)} in dev")
    taught, aside, dev = (decode_rows(part, task, processor) for part in (taught_rows, aside_rows, dev_rows))
    fit(
        model,
        processor,
        taught,
        chosen,
        pretrained=_pretrained(model, task),
        after_epoch=lambda epoch: _report(model, processor, {"set aside": aside, "dev": dev}),
    )
    about = Sidecar(
        version=version or out.name,
        task=task.name,
        kind=task.kind,
        labels=task.label_names,
        modalities=task.modalities,
        heads=task.head_labels,
        created_at=sidecar.now(),
        parent=sidecar.read(parent).version if parent else None,
        data=manifests.digest(rows),
        samples=len(taught),
        seed=chosen.seed,
        command=command,
        code_revision=sidecar.code_revision(),
        options=dataclasses.asdict(chosen),
    )
    return finish(model, processor, about, out, task=task, taught=taught, aside=aside, dev=dev)


def say(text: str) -> None:
    """Write progress where people look for it: standard output belongs to results."""
    print(text, file=sys.stderr, flush=True)


def _free(out: Path) -> Path:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ManifestError("out_taken", path=out)
    return out


def _pretrained(model: MultimodalModel, task: Task) -> tuple[str, ...]:
    """Return the beginnings of the names of parameters that start from trained weights."""
    return tuple(f"encoders.{name}.backbone." for name in model.config.modalities if "start" in task.encoders[name])


def _report(model: MultimodalModel, processor: MultimodalProcessor, parts: Mapping[str, Sequence[Item]]) -> str:
    said = []
    for name, items in parts.items():
        found = figures(logits(model, processor, items), labels(items)) if items else {}
        said += [f"{name}: " + ", ".join(f"{figure} {value:.4f}" for figure, value in found.items())] if items else []
    return "; ".join(said)
