"""Who goes to which side: samples that are alike, such as those of one speaker, never stand on both.

What makes samples alike is a field of `extra`, or `group`; the task names it. Where a sample has no such field, its
caption stands in, and its id where it has none.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from mmdemo import characters, hashed_draw
from mmdemo.errors import ManifestError, StorageError
from mmdemo.tasks import SPLIT_BY, Task
from mmdemo.training import manifests
from mmdemo.training.manifests import FILES, Row, fields

FEWEST = 3  # speakers, of whom one can be spared to fit temperatures on
SIDES = ("train.jsonl", "dev.jsonl")  # what `split` writes
UNEVEN = 0.2  # of the share asked for, by which the share that came out may differ without a reason being given
# What a part is for: the same draw for both would leave nothing to set aside of what `split` left for training.
ASIDE, DEV, PROMISE = "aside", "dev", "promise"
HALF = 0.5  # of the samples set aside, on which thresholds are tested where a task promises something


@dataclass(frozen=True)
class SplitReport:
    """What came of a split."""

    counts: dict[str, int]  # samples, by the name of the manifest
    by: str  # the field that keeps samples together
    asked: float  # share of the samples for dev
    share: float  # that went there
    groups: int  # values of the field; 0 where no sample has it, and captions keep samples together
    smallest: float  # share of the samples in the smallest of them, or of one caption

    @property
    def is_uneven(self) -> bool:
        """Whether the share that came out is another than the one asked for."""
        return abs(self.share - self.asked) > UNEVEN * self.asked


def calibration_split(rows: Sequence[Row], share: float, by: str = SPLIT_BY) -> tuple[list[Row], list[Row]]:
    """Part rows into those to train on and a share set aside to stop training and fit temperatures on.

    With fewer than FEWEST speakers none can be spared, and samples are parted whoever speaks: known voices tell more
    about doubt than samples that were learned from, and nothing is reported on them.
    """
    values = {_field(row, by) for row in rows}
    if share and None not in values and len(values) < FEWEST:
        return _parted(rows, {row.id for row in rows if hashed_draw.draw(ASIDE, _caption(row)) < share})
    return part(rows, share, by)


def promise_split(rows: Sequence[Row], task: Task) -> tuple[list[Row], list[Row]]:
    """Part rows set aside into those to fit temperatures on and those to test a promise on: none where there is none.

    What is tested must not have been fitted to.
    """
    return part(rows, HALF, task.split_by, PROMISE) if task.promise else (list(rows), [])


def one_of_each(rows: Sequence[Row], by: str) -> list[Row]:
    """Return one row of each group of samples that are alike, drawn by its id; no two of them are.

    What is measured on them is measured on independent samples, and speaks of groups that were not met yet.
    """
    return [min(members, key=lambda row: hashed_draw.draw(PROMISE, row.id)) for members in groups_of(rows, by)]


def groups_of(rows: Sequence[Row], by: str) -> list[list[Row]]:
    """Return the rows parted into those that are alike, in the order in which the first of each stands."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(_alike(row, by), []).append(row)
    return list(groups.values())


def has_field(rows: Sequence[Row], by: str) -> bool:
    """Tell whether every row says by this field which others are like it."""
    return bool(rows) and all(_field(row, by) is not None for row in rows)


def part(rows: Sequence[Row], share: float, by: str = SPLIT_BY, purpose: str = ASIDE) -> tuple[list[Row], list[Row]]:
    """Part rows into two sides, the second about `share` of them, the same ones for a purpose on every machine.

    Speakers are few: from each group whole ones go, none where that would take more than the share; where none would go
    at all, and there are two, the first one goes.
    """
    aside = _speakers(rows, share, by, purpose)
    return _parted(rows, {row.id for row in rows if _is_aside(row, share, by, aside, purpose)})


def folds(
    rows: Sequence[Row],
    number: int,
    by: str = SPLIT_BY,
    seed: int = 0,
    stratum: Callable[[str], str] = str,
) -> list[list[Row]]:
    """Return the rows in `number` parts; what is alike stands in one part.

    The strata of what is right for them, by default each value its own, are spread evenly.

    Raises ManifestError where there are fewer that differ than parts.
    """
    alike = [_alike(row, by) for row in rows]
    strata = [stratum(row.label) for row in rows]
    most = min(len(set(alike)), max(Counter(strata).values()))
    if not 2 <= number <= most:
        raise ManifestError("folds_wrong", number=number, most=most)
    parting = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    places = [indices for _, indices in parting.split(np.zeros(len(rows)), strata, alike)]
    return [[rows[index] for index in indices] for indices in places]


def split(manifest: Path, out: Path, share: float, by: str, task: Task | None = None) -> SplitReport:
    """Write train.jsonl and dev.jsonl to `out`, every line as it was but for its paths; return what came of it.

    Raises ManifestError for a manifest with lines at fault or with nothing to part, StorageError.
    """
    rows = manifests.read(manifest, task)
    sides = dict(zip(SIDES, part(rows, share, by, DEV), strict=True))
    if not 0 < share < 1 or not all(sides.values()):
        raise ManifestError("split_wrong", path=manifest, share=share, by=by)
    taken = [name for name in SIDES if (out / name).exists()]
    if taken:
        raise ManifestError("out_taken", path=out / taken[0])
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, side in sides.items():
            lines = [moved(row.raw, manifest.parent, out) for row in side]
            (out / name).write_text("".join(json.dumps(raw, ensure_ascii=False) + "\n" for raw in lines), "utf-8")
    except OSError as error:
        raise StorageError("out_not_writable", path=out, detail=error.strerror) from error
    return _parting(rows, {name: len(side) for name, side in sides.items()}, share, by)


def _parting(rows: Sequence[Row], counts: dict[str, int], target_share: float, by: str) -> SplitReport:
    sizes = Counter(value for row in rows if (value := _field(row, by)) is not None)
    smallest = min((sizes or Counter(map(_caption, rows))).values())
    return SplitReport(counts, by, target_share, counts[SIDES[1]] / len(rows), len(sizes), smallest / len(rows))


def moved(raw: Mapping[str, Any], before: Path, after: Path) -> dict[str, Any]:
    """Return a line of a manifest in the folder `before` as it stands in one in the folder `after`."""
    paths = {name: str(raw[name]) for name in FILES if raw.get(name)}
    relative = {
        name: os.path.relpath(fields.file_at(before, path), after.resolve())
        for name, path in paths.items()
        if not os.path.isabs(path)
    }
    return {**raw, **relative}


def _parted(rows: Sequence[Row], aside: set[str]) -> tuple[list[Row], list[Row]]:
    return [row for row in rows if row.id not in aside], [row for row in rows if row.id in aside]


def _speakers(rows: Sequence[Row], share: float, by: str, purpose: str) -> set[str]:
    def draw(value: str) -> float:
        return hashed_draw.draw(purpose, value)

    by_group: dict[str, set[str]] = {}
    for row in rows:
        value = _field(row, by)
        if value is not None:
            by_group.setdefault(row.group if by != "group" else "", set()).add(value)
    shared = [sorted(values, key=draw)[: int(share * len(values))] for values in by_group.values()]
    every = sorted({value for values in by_group.values() for value in values}, key=draw)
    alone = every[:1] if share and len(every) > 1 and None not in {_field(row, by) for row in rows} else []
    return {value for values in shared for value in values} or set(alone)


def _is_aside(row: Row, share: float, by: str, speakers: set[str], purpose: str) -> bool:
    value = _field(row, by)
    return hashed_draw.draw(purpose, _caption(row)) < share if value is None else value in speakers


def _field(row: Row, by: str) -> str | None:
    value = row.group if by == "group" else row.extra.get(by)
    return None if value in (None, "") else characters.canonical_name(str(value))


def _alike(row: Row, by: str) -> str:
    value = _field(row, by)
    return json.dumps([by, value] if value is not None else ["text", _caption(row)])


def _caption(row: Row) -> str:
    """Return what keeps a row together with its like where no field does: the caption as it looks, else the id."""
    return characters.canonical(row.sample.text) or row.id
