"""Files of samples: media under the SHA-256 of their bytes, `ab/cdef….png`, and what encoders made of them.

The bytes are made from decoded arrays (`mmdemo.decode`), so no name, place or camera that came with an upload can ride
along. Files of tokens are written and read by `mmdemo.training.data.token_cache`, for the retraining runs to come. They
say much of a sample, so they go with it; where one is gone, nothing is lost but time.
"""

import contextlib
import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from annotations.store import private, problems
from mmdemo import whole_file
from mmdemo.decode import encode_audio, encode_image
from mmdemo.errors import StorageError
from mmdemo.values.samples import Inputs

_SUFFIXES = {b"\x89PNG": ".png", b"RIFF": ".webp", b"fLaC": ".flac"}  # first four bytes → suffix
_TOKEN_FILES = "*/{name}.safetensors"  # under the folder of a task: in that of the encoders, the sample's


@dataclass(frozen=True)
class Copy:
    """One file to keep; its name says its content."""

    name: str  # under the media folder
    data: bytes


def copy_of(data: bytes) -> Copy:
    """Return the file for these bytes; equal bytes have equal names."""
    digest = hashlib.sha256(data).hexdigest()
    return Copy(f"{digest[:2]}/{digest[2:]}{_SUFFIXES[data[:4]]}", data)


def copies_of(inputs: Inputs) -> dict[str, Copy]:
    """Return what has to be kept of decoded inputs, modality → file; the caption is no file."""
    copies = {}
    if inputs.image is not None:
        copies["image"] = copy_of(encode_image(inputs.image))
    if inputs.audio is not None:
        copies["audio"] = copy_of(encode_audio(inputs.audio))
    return copies


def names_of(inputs: Inputs, copies: Mapping[str, Copy]) -> dict[str, str]:
    """Return the names of what has to be kept, modality → name; `copies` are those that were made already."""
    return {name: copy.name for name, copy in (copies or copies_of(inputs)).items()}


def is_whole(root: Path, name: str) -> bool:
    """Return whether there is a file of that name, with the bytes that its name says."""
    try:
        data = (root / name).read_bytes()
    except OSError:
        return False
    return hashlib.sha256(data).hexdigest() == name.replace("/", "").partition(".")[0]


@contextlib.contextmanager
def keeping(root: Path, copies: Sequence[Copy]) -> Iterator[None]:
    """Write the files, and take back those that are new if the body fails.

    Raises StorageError, also where the folder is gone: it was made when the store was opened.
    """
    written: list[Path] = []
    if copies and not root.exists():
        raise StorageError("storage_gone", place=root)
    try:
        for copy in copies:
            path = root / copy.name
            is_new = not path.exists()
            if is_new or not is_whole(root, copy.name):  # a damaged one is mended when its sample comes again
                private.make_folder(path.parent)
                with whole_file.replacing(path) as file:
                    file.write(copy.data)
                written += [path] if is_new else []
        yield
    except OSError as error:
        _remove(written)
        raise problems.from_os(error, root) from error
    except BaseException:
        _remove(written)
        raise


def remove(root: Path, names: Sequence[str]) -> None:
    """Delete these files; missing ones are fine. Raises StorageError."""
    try:
        _remove([root / name for name in names])
    except OSError as error:
        raise problems.from_os(error, root) from error


def count(root: Path) -> int:
    """Return how many files there are."""
    return sum(1 for _ in root.glob("*/*"))


def names(root: Path, older_than: float) -> Iterator[str]:
    """Yield the names of all files, unfinished ones too, last written before `older_than` (seconds since 1970)."""
    for path in sorted(root.glob("*/*")):
        with contextlib.suppress(FileNotFoundError):  # another process removed it meanwhile
            if path.stat().st_mtime < older_than:
                yield path.relative_to(root).as_posix()


def forget_tokens(folder: Path, sample_ids: Iterable[str]) -> None:
    """Remove what there is of samples of any task. Raises StorageError."""
    for sample_id in sample_ids:
        _remove_tokens(folder, folder.glob("*/" + _TOKEN_FILES.format(name=sample_id)))


def keep_tokens_of(folder: Path, sample_ids: Collection[str]) -> None:
    """Remove what there is of all samples of one task but these, in its `folder`. Raises StorageError."""
    _remove_tokens(folder, (path for path in folder.glob(_TOKEN_FILES.format(name="*")) if path.stem not in sample_ids))


def _remove_tokens(folder: Path, paths: Iterable[Path]) -> None:
    try:
        for path in list(paths):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise problems.from_os(error, folder) from error


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
