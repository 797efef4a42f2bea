"""A manifest of a task's own plain captions beside the lines of another one: what training learns both from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdemo import behaviour
from mmdemo.behaviour.capabilities import TRAIN
from mmdemo.errors import ManifestError, StorageError
from mmdemo.tasks import Task
from mmdemo.training import manifests
from mmdemo.training.data.datasets import CONSTRUCTED
from mmdemo.training.manifests import Row
from mmdemo.training.manifests.splits import moved
from mmdemo.values.samples import Sample

GROUP = "plain"
BESIDE = 0.5  # share of the captions that stand beside a picture, drawn at random: it must not carry them
REHEARSED = 90  # captions that a night rehearses
FRESH = 1000  # captions that are drawn to find some that trained nothing
LOWER, BARE = 0.1, 0.1  # shares of the captions written in small letters, and without their last full stop


def write(task: Task, manifest: Path, out: Path, count: int, seed: int = 0) -> dict[str, int]:
    """Write `out`: the lines of `manifest` and `count` captions of the task's, some beside its pictures.

    Returns how many lines there are by group. The same seed gives the same file. Raises ManifestError for a manifest
    with lines at fault and a task without captions to learn from, StorageError.
    """
    suite = behaviour.load(task, TRAIN)
    if suite is None:
        raise ManifestError("no_behaviour", task=task.name)
    if out.exists():
        raise ManifestError("out_taken", path=out)
    rows = manifests.read(manifest, task)
    pictures = [str(row.raw["image"]) for row in rows if row.raw.get("image")]
    drawn = _lines(behaviour.captions(suite, count, seed), pictures, seed)
    lines = [moved(raw, manifest.parent, out.parent) for raw in (*(row.raw for row in rows), *drawn)]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("".join(json.dumps(raw, ensure_ascii=False) + "\n" for raw in lines), "utf-8")
    except OSError as error:
        raise StorageError("out_not_writable", path=out, detail=error.strerror) from error
    return dict(Counter(str(raw.get("group") or "") for raw in lines))


def rehearsal(task: Task, count: int = REHEARSED) -> list[Row]:
    """Return the captions that `write` draws so many of; none of a task without any. A night rehearses some."""
    return _rows(GROUP, _drawn(task, count))


def fresh(task: Task, learned: int, count: int = FRESH) -> list[Row]:
    """Return captions from the same templates and words, which are not among the first `learned` ones."""
    known = {caption.text.lower() for caption in _drawn(task, learned)}
    return _rows("fresh", [each for each in _drawn(task, count, seed=1) if each.text.lower() not in known])


def _drawn(task: Task, count: int, seed: int = 0) -> Sequence[behaviour.Caption]:
    suite = behaviour.load(task, TRAIN) if task.behaviour and (task.behaviour / TRAIN).is_file() else None
    return behaviour.captions(suite, count, seed) if suite else []


def _rows(name: str, captions: Sequence[behaviour.Caption]) -> list[Row]:
    return [Row(f"{name}-{number}", Sample(text=each.text), each.label) for number, each in enumerate(captions, 1)]


def _lines(captions: Sequence[behaviour.Caption], pictures: Sequence[str], seed: int) -> Iterator[Mapping[str, Any]]:
    draw = np.random.default_rng([seed, 1])
    for number, caption in enumerate(captions, 1):
        picture = pictures[int(draw.integers(len(pictures)))] if pictures and draw.random() < BESIDE else None
        yield {
            "id": f"{GROUP}-{number}",
            **({"image": picture} if picture else {}),
            "text": _written(caption.text, draw),
            "label": caption.label,
            "group": GROUP,
            "extra": {CONSTRUCTED: True, "capability": caption.capability, "template": caption.template},
        }


def _written(text: str, draw: np.random.Generator) -> str:
    """Return a caption as one of those might write it who never hold the shift key, or end no sentence."""
    if draw.random() < LOWER:
        text = text.lower()
    return text.rstrip(".") if draw.random() < BARE else text
