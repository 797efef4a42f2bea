"""What a task's shipped version makes of rows, computed in pieces and kept in a file, so that a run goes on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmdemo.process.logs import say
from mmdemo.settings import Settings
from mmdemo.tasks import Task
from mmdemo.training import representations
from mmdemo.training.manifests import Row
from mmdemo.training.representations import Representations
from mmdemo.versions.registry import Versions

PIECE = 256  # rows


def of(task: Task, rows: Sequence[Row], kept: Path) -> Representations:
    """Return what the base makes of rows; what `kept` holds of them already is taken from there."""
    base = Versions(Settings(home=kept.parent)).base(task.name)
    folder = Versions(Settings(home=kept.parent)).path(task.name, base)
    kept.mkdir(parents=True, exist_ok=True)
    pieces = []
    for start in range(0, len(rows), PIECE):
        path = kept / f"{start}.npz"
        if not path.is_file():
            piece = representations.of_version(folder, rows[start : start + PIECE], task)
            arrays: dict[str, Any] = {f"m_{name}": each for name, each in piece.whitened.items()}
            np.savez(path, features=piece.features, **arrays)
            say(f"{min(start + PIECE, len(rows))} of {len(rows)} samples of {kept.name}")
        pieces.append(dict(np.load(path)))
    joined = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    return Representations(joined.pop("features"), {name[2:]: each for name, each in joined.items()})
