"""Layers of encoders that several versions carry lie once, each in a file that is named by its SHA-256.

    ROOT/shared/SHA256.safetensors      a layer of an encoder, or all that is small of one
    ROOT/TASK/VERSION/shared.json       of a version that has layers there: layer → SHA-256

ROOT is the folder of a home's versions, or that of the shipped ones, whose tasks have one version each: ROOT/TASK. What
an encoder learned anew has another digest, so that nobody has to know which encoders stayed as they were. A version
that was copied elsewhere has its layers in the folder `shared` of its new place, or among the shipped ones.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmdemo import whole_file
from mmdemo.errors import CheckpointError, StorageError

FOLDER = "shared"
FILE = "shared.json"
SHIPPED = Path(__file__).parent.parent / "checkpoints"
_DIGEST = re.compile(r"[0-9a-f]{64}")


def write(layers: Mapping[str, bytes], store: Path, folder: Path) -> None:
    """Write the files of layers into `store`, those that are not there, and into a version's folder which they are.

    Raises StorageError.
    """
    named = {}
    for name, content in layers.items():
        named[name] = hashlib.sha256(content).hexdigest()
        path = _path(store, named[name])
        if _whole(path, named[name]) is None:
            whole_file.write(path, content)
    whole_file.write(folder / FILE, json.dumps(named, indent=1) + "\n")


def digests(folder: Path) -> dict[str, str]:
    """Return by layer the digests of those that a version has elsewhere; none where all is in its own file.

    Raises OSError, ValueError.
    """
    try:
        named = json.loads((folder / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    if not isinstance(named, dict) or not all(isinstance(d, str) and _DIGEST.fullmatch(d) for d in named.values()):
        raise ValueError(f"{FILE} holds what is no SHA-256")
    return named


def read(folder: Path) -> list[bytes]:
    """Return the files of the layers that a version has elsewhere.

    Raises CheckpointError where one is nowhere, or damaged, OSError, ValueError.
    """
    return [_content(folder, digest) for digest in digests(folder).values()]


def size(folder: Path) -> int:
    """Return the bytes of what a version has elsewhere, as far as it is there. Raises OSError, ValueError."""
    places = ([_path(store, digest) for store in _stores(folder)] for digest in digests(folder).values())
    return sum(next((path.stat().st_size for path in paths if path.is_file()), 0) for paths in places)


def sweep(root: Path) -> None:
    """Remove from the folder `shared` of `root` what none of its versions names; nobody may write one meanwhile.

    Where a version does not say what it names, all stays. Raises StorageError.
    """
    try:
        named = {digest for path in root.glob(f"*/*/{FILE}") for digest in digests(path.parent).values()}
    except (OSError, ValueError):
        return
    try:
        for path in (root / FOLDER).glob("*"):
            if path.stem not in named:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError("versions_not_writable", path=root / FOLDER, detail=error.strerror) from error


def _content(folder: Path, digest: str) -> bytes:
    for store in _stores(folder):
        content = _whole(_path(store, digest), digest)
        if content is not None:
            return content
    raise CheckpointError("layers_missing", path=folder, file=f"{FOLDER}/{digest}.safetensors")


def _stores(folder: Path) -> Iterator[Path]:
    """Yield where the layers of a version may lie: a home's, what is shipped, and what is shipped beside this code."""
    place = folder.absolute()
    yield from (place.parent.parent / FOLDER, place.parent / FOLDER, SHIPPED / FOLDER)


def _whole(path: Path, digest: str) -> bytes | None:
    """Return a file's bytes where they are what its name says."""
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return content if hashlib.sha256(content).hexdigest() == digest else None


def _path(store: Path, digest: str) -> Path:
    return store / f"{digest}.safetensors"
