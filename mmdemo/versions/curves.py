"""The curves of a version, curves.json beside its weights: how far its confidence can be believed."""

import json
from pathlib import Path
from typing import Any

from mmdemo import whole_file
from mmdemo.errors import CheckpointError
from mmdemo.values.history import ConfidenceCurves, CurvePoint, MeasuredCurves
from mmdemo.values.samples import to_json

FILE = "curves.json"
DIGITS = 4  # of a share


def read(folder: Path) -> MeasuredCurves | None:
    """Return the curves in `folder/curves.json`, None where there are none. Raises CheckpointError."""
    try:
        raw = json.loads((folder / FILE).read_text("utf-8"))
        lines = {name: tuple(CurvePoint(**point) for point in points) for name, points in raw["curves"].items()}
        return MeasuredCurves(**{**raw, "curves": ConfidenceCurves(**lines)})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError("checkpoint_broken", path=folder / FILE, detail=repr(error)) from error


def write(folder: Path, measured: MeasuredCurves | None) -> None:
    """Write `folder/curves.json`; None: it has none, and earlier ones go. Raises StorageError."""
    if measured is None:
        (folder / FILE).unlink(missing_ok=True)
        return
    whole_file.write(folder / FILE, json.dumps(_rounded(to_json(measured)), ensure_ascii=False, indent=1) + "\n")


def _rounded(value: Any) -> Any:
    """Return a value of JSON with as many digits as a drawing shows."""
    if isinstance(value, dict):
        return {name: _rounded(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(entry) for entry in value]
    return round(value, DIGITS) if isinstance(value, float) else value
