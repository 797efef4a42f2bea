"""Media: named by their bytes, whole or not at all."""

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest

from annotations import media
from mmdemo import decode
from mmdemo.errors import StorageError
from mmdemo.values.samples import Inputs
from tests.unit.annotations import sentiment


def files(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_the_name_says_the_content() -> None:
    copies = media.copies_of(Inputs(image=sentiment.picture(1), audio=tone()))
    for modality, suffixes in (("image", (".webp", ".png")), ("audio", (".flac",))):
        digest = hashlib.sha256(copies[modality].data).hexdigest()
        assert copies[modality].name.startswith(f"{digest[:2]}/{digest[2:]}")
        assert copies[modality].name.endswith(suffixes)


def test_a_stored_copy_is_the_same_sample(tmp_path: Path) -> None:
    sample = Inputs(image=sentiment.picture(1), audio=tone())
    copies = media.copies_of(sample)
    with media.keeping(tmp_path, list(copies.values())):
        pass
    again = Inputs(
        image=decode.decode_image(tmp_path / copies["image"].name, sentiment.TASK.limits),
        audio=decode.decode_audio(tmp_path / copies["audio"].name, sentiment.TASK.limits),
    )
    assert decode.sample_id(again, "t") == decode.sample_id(sample, "t")


def test_a_failure_takes_back_new_files_and_leaves_older_ones(tmp_path: Path) -> None:
    old, new = (media.copies_of(sentiment.inputs(seed=seed))["image"] for seed in (1, 2))
    with media.keeping(tmp_path, [old]):
        pass
    with pytest.raises(RuntimeError), media.keeping(tmp_path, [old, new]):
        raise RuntimeError
    assert files(tmp_path) == [old.name]


def test_a_folder_that_cannot_be_written_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    first, second = (media.copies_of(sentiment.inputs(seed=seed))["image"] for seed in (1, 2))
    (tmp_path / second.name[:2]).write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="Set MMDEMO_HOME"), media.keeping(tmp_path, [first, second]):
        pass
    assert files(tmp_path) == [second.name[:2]]


def test_removing_twice_is_fine_and_names_tell_the_old_files(tmp_path: Path) -> None:
    copy = media.copies_of(sentiment.inputs(seed=1))["image"]
    with media.keeping(tmp_path, [copy]):
        pass
    assert list(media.names(tmp_path, older_than=time.time() - 60)) == []
    assert list(media.names(tmp_path, older_than=time.time() + 60)) == [copy.name]
    media.remove(tmp_path, [copy.name])
    media.remove(tmp_path, [copy.name])
    assert files(tmp_path) == []


def tone() -> np.ndarray:
    """Return a second of 440 Hz as `decode` gives it."""
    wave = 0.3 * np.sin(2 * np.pi * 440 * np.arange(decode.SAMPLE_RATE_HZ) / decode.SAMPLE_RATE_HZ)
    return decode.decode_audio((wave.astype(np.float32), decode.SAMPLE_RATE_HZ), sentiment.TASK.limits)
