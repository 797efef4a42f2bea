"""One holder at a time; the lock falls with what held it."""

import stat
from pathlib import Path

import pytest

from annotations.store import file_lock
from mmdemo.errors import Busy, StorageError

REFUSAL = Busy("night_running", lock="night.lock")


def test_whoever_comes_second_is_refused_until_the_first_has_ended_even_by_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.lock"
    with pytest.raises(RuntimeError), file_lock.hold(path, 0, REFUSAL):
        with pytest.raises(Busy) as refused, file_lock.hold(path, 0, REFUSAL):
            pass
        assert refused.value is REFUSAL
        raise RuntimeError
    with file_lock.hold(path, 0, REFUSAL):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_folder_that_is_not_there_is_no_busy_one(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError), file_lock.hold(tmp_path / "file" / "a.lock", 0, REFUSAL):
        pass
