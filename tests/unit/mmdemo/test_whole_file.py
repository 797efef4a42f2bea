"""A file or folder is there whole or not at all, on disk before it can be found, and open to those whom it is for."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from annotations import export, media
from annotations.store import open_store, pairing
from mmdemo import whole_file
from mmdemo.errors import StorageError
from mmdemo.settings import Settings


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of the system, in order."""
    done: list[str] = []
    for name, call in (("fsync", os.fsync), ("replace", os.replace)):
        monkeypatch.setattr(os, name, lambda *args, name=name, call=call: (done.append(name), call(*args)))
    return done


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_content_is_on_disk_before_the_file_can_be_found_and_its_name_behind_it(
    tmp_path: Path, steps: list[str]
) -> None:
    with whole_file.replacing(tmp_path / "file") as file:
        file.write(b"whole")
        assert not (tmp_path / "file").exists()
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert steps == ["fsync", "replace", "fsync"]


def test_an_interrupted_write_leaves_the_earlier_file_and_nothing_beside_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("earlier")
    with pytest.raises(KeyboardInterrupt), whole_file.replacing(tmp_path / "file") as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert [path.read_text() for path in tmp_path.iterdir()] == ["earlier"]


@pytest.mark.parametrize("mask", [0o000, 0o077])
def test_who_may_read_a_file_does_not_depend_on_the_mask_of_the_process(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        whole_file.write(tmp_path / "public", "text")
        with whole_file.replacing(tmp_path / "private"):
            pass
    finally:
        os.umask(before)
    assert (mode(tmp_path / "public"), mode(tmp_path / "private")) == (whole_file.PUBLIC, whole_file.PRIVATE)


def test_folders_around_a_file_are_made_and_one_that_cannot_be_is_named(tmp_path: Path) -> None:
    whole_file.write(tmp_path / "a" / "b", b"\x00")
    assert (tmp_path / "a" / "b").read_bytes() == b"\x00"
    with pytest.raises(StorageError, match="a/b/c cannot be written"):
        whole_file.write(tmp_path / "a" / "b" / "c", "")


def test_a_folder_is_on_disk_with_all_its_files_before_it_moves(tmp_path: Path, steps: list[str]) -> None:
    (tmp_path / "draft").mkdir()
    for name in ("weights", "sidecar"):
        (tmp_path / "draft" / name).touch()
    (tmp_path / "version").mkdir()
    whole_file.move_folder(tmp_path / "draft", tmp_path / "version")
    assert sorted(path.name for path in (tmp_path / "version").iterdir()) == ["sidecar", "weights"]
    assert not (tmp_path / "draft").exists() and steps == ["fsync", "fsync", "fsync", "replace", "fsync"]


def _export(folder: Path) -> Path:
    export.write_file([], folder, "corrections", "csv")
    return folder / "corrections.csv"


def _keep(folder: Path) -> Path:
    copy = media.copy_of(b"fLaC")
    with media.keeping(folder, [copy]):
        return folder / copy.name


def _pair(folder: Path) -> Path:
    config = Settings(home=folder)
    open_store(config).close()
    return config.media / pairing.MARKER


@pytest.mark.parametrize("write", [_export, _keep, _pair])
def test_what_people_sent_is_their_keepers_alone_and_outlasts_the_power(
    tmp_path: Path, steps: list[str], write: Callable[[Path], Path]
) -> None:
    path = write(tmp_path)
    assert mode(path) == whole_file.PRIVATE and steps == ["fsync", "replace", "fsync"]
    assert list(path.parent.iterdir()) == [path]
