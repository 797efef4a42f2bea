"""Indexes on disk: one file a manifest, task and version, replaced whole. It holds features and what to show.

    alike/TASK/VERSION/NAME.safetensors

The file stands for itself: pictures are small copies, sounds are re-encoded, and nothing outside of it is ever shown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from mmdemo import whole_file
from mmdemo.errors import ManifestError, StorageError, UnknownName
from mmdemo.retrieval.candidates import CORRECTIONS, EXAMPLES, Candidate, CandidatePool, CandidatePreview
from mmdemo.settings import Settings
from mmdemo.values.samples import to_json

FOLDER = "alike"
ENDING = ".safetensors"
_NAME = re.compile(r"[\w-][\w. -]{0,99}")
_DAMAGED = (SafetensorError, OSError, KeyError, ValueError, TypeError)


@dataclass(frozen=True)
class About:
    """What an index is of."""

    task: str
    name: str
    model_version: str
    samples: int
    manifest: str  # its path when it was indexed
    made_at: str  # UTC, ISO 8601 with seconds


def check_name(name: str) -> str:
    """Return a name that a manifest's index can have. Raises ManifestError."""
    if not _NAME.fullmatch(name) or name in (EXAMPLES, CORRECTIONS):
        raise ManifestError("index_name_wrong", name=name)
    return name


def write(settings: Settings, about: About, pool: CandidatePool, pictures: Sequence[CandidatePreview]) -> Path:
    """Write an index in place of the one before; `pictures` stand for the candidates. Raises ManifestError."""
    path = _folder(settings, about.task) / _quoted(about.model_version) / f"{check_name(about.name)}{ENDING}"
    media, rows = bytearray(), []
    for candidate, picture in zip(pool.candidates, pictures, strict=True):
        row: dict[str, Any] = {name: getattr(candidate, name) for name in ("id", "label", "text", "content")}
        for modality in ("image", "audio"):
            row[modality] = [len(media), len(media) + len(getattr(picture, modality))]
            media += getattr(picture, modality)
        rows.append(row)
    tensors = {name: values.astype(np.float16) for name, values in pool.features.items()}
    tensors |= {"rows": _bytes(json.dumps(rows, ensure_ascii=False).encode()), "media": _bytes(bytes(media))}
    whole_file.write(path, save(tensors, {"about": json.dumps(to_json(about))}))
    return path


def read(path: Path) -> tuple[About, CandidatePool]:
    """Return an index; what stands for its samples is read from the file when it is shown. Raises StorageError."""
    try:
        handle = safe_open(path, "numpy")  # which keeps the file that is there now, also after it is replaced
        about = _about(handle)
        rows = json.loads(handle.get_tensor("rows").tobytes())
        names = [name for name in handle.keys() if name not in ("rows", "media")]  # noqa: SIM118 it is no dict
        features = {name: handle.get_tensor(name).astype(np.float32) for name in names}
        media = handle.get_slice("media")
        return about, CandidatePool(tuple(_candidate(row, about.name, media) for row in rows), features)
    except _DAMAGED as error:
        raise StorageError("index_broken", path=path, detail=error) from error


def listed(settings: Settings, task: str) -> list[About]:
    """Return what is indexed of a task, by name and version; files that can't be read are left out."""
    indexes = []
    for path in _paths(settings, task):
        try:
            indexes.append(_about(safe_open(path, "numpy")))
        except _DAMAGED:
            continue
    return sorted(indexes, key=lambda about: (about.name, about.model_version))


def of_version(settings: Settings, task: str, version: str) -> list[Path]:
    """Return the files of the indexes that were made with one version, by name."""
    return sorted(path for path in _paths(settings, task) if path.parent.name == _quoted(version))


def remove(settings: Settings, task: str, name: str) -> int:
    """Delete the indexes of a name, of all versions, and return how many. Raises UnknownName, StorageError."""
    paths = [path for path in _paths(settings, task) if path.name == f"{name}{ENDING}"]
    if not paths:
        known = ", ".join(sorted({path.name.removesuffix(ENDING) for path in _paths(settings, task)})) or "–"
        raise UnknownName("unknown_index", name=name, task=task, known=known)
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError("versions_not_writable", path=path, detail=error.strerror) from error
    return len(paths)


def _quoted(version: str) -> str:
    """Return a version's name as that of a folder: one that lies elsewhere may be called anything."""
    name = quote(version, safe="")
    return name.replace(".", "%2E", 1) if name.startswith(".") else name


def _folder(settings: Settings, task: str) -> Path:
    return settings.home / FOLDER / task


def _paths(settings: Settings, task: str) -> Iterator[Path]:
    return _folder(settings, task).glob(f"*/*{ENDING}")


def _about(handle: Any) -> About:
    raw = json.loads(handle.metadata()["about"])
    return About(**{item.name: raw[item.name] for item in fields(About)})


def _candidate(row: Mapping[str, Any], source: str, media: Any) -> Candidate:
    texts = {name: row[name] for name in ("id", "label", "text", "content")}
    return Candidate(**texts, source=source, shown=partial(_preview, media, row["image"], row["audio"]))


def _preview(media: Any, image: Sequence[int], audio: Sequence[int]) -> CandidatePreview:
    return CandidatePreview(*(media[first:last].tobytes() if last > first else b"" for first, last in (image, audio)))


def _bytes(content: bytes) -> np.ndarray:
    return np.frombuffer(content, np.uint8)
