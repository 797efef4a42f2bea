"""Which samples have files of tokens: what encoders made of them for the retraining run, kept for the next one.

Such a file says much of a sample, so it goes with it. mmdemo/training/data/token_cache.py writes and reads them; where
one is gone, nothing is lost but time.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from annotations.store import problems

_FILES = "*/{name}.safetensors"  # under the folder of a task: in that of the encoders, the sample's


def forget(folder: Path, sample_ids: Iterable[str]) -> None:
    """Remove what there is of samples of any task. Raises StorageError."""
    for sample_id in sample_ids:
        _remove(folder, folder.glob("*/" + _FILES.format(name=sample_id)))


def keep_only(folder: Path, sample_ids: Collection[str]) -> None:
    """Remove what there is of all samples of one task but these, in its `folder`. Raises StorageError."""
    _remove(folder, (path for path in folder.glob(_FILES.format(name="*")) if path.stem not in sample_ids))


def _remove(folder: Path, paths: Iterable[Path]) -> None:
    try:
        for path in list(paths):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise problems.from_os(error, folder) from error
