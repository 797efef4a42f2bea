"""Which samples have files of tokens: what encoders made of them for the retraining run, kept for the next one.

Such a file says much of a sample, so it goes with it. mmdemo/training/data/token_cache.py writes and reads them; where
one is gone, nothing is lost but time.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

_FILES = "*/{name}.safetensors"  # under the folder of a task: in that of the encoders, the sample's


def forget(folder: Path, sample_ids: Iterable[str]) -> None:
    """Remove what there is of samples of any task. Raises OSError."""
    for sample_id in sample_ids:
        for path in folder.glob("*/" + _FILES.format(name=sample_id)):
            path.unlink(missing_ok=True)


def keep_only(folder: Path, sample_ids: Collection[str]) -> None:
    """Remove what there is of all samples of one task but these, in its `folder`. Raises OSError."""
    for path in folder.glob(_FILES.format(name="*")):
        if path.stem not in sample_ids:
            path.unlink(missing_ok=True)
