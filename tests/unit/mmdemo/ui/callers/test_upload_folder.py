"""What visitors uploaded goes with its process, also where that was killed; another's that runs stays."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from mmdemo.settings import ROOT
from mmdemo.ui.callers import upload_folder

PROGRAM = """
import pathlib, sys
from mmdemo.ui.callers import upload_folder
with upload_folder.folder() as folder:
    (pathlib.Path(folder) / "holiday-in-zanzibar.jpg").write_text("EXIF")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def started(place: Path) -> tuple[subprocess.Popen, Path]:
    environment = {**os.environ, "TMPDIR": str(place), "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment, cwd=ROOT, text=True, **pipes)
    return process, Path(process.stdout.readline().strip())


def end(process: subprocess.Popen, number: int) -> None:
    process.send_signal(number)
    process.communicate()


def test_a_folder_is_its_owners_and_goes_with_its_lock(place: Path) -> None:
    with upload_folder.folder() as name:
        assert stat.filemode(Path(name).stat().st_mode) == "drwx------"
    assert list(place.iterdir()) == []


def test_those_of_killed_processes_go_and_one_in_use_stays(place: Path) -> None:
    (killed, left), (running, used) = started(place), started(place)
    end(killed, signal.SIGKILL)
    assert (left / "holiday-in-zanzibar.jpg").exists()
    with upload_folder.folder() as own:
        assert {path.name for path in place.iterdir() if path.is_dir()} == {used.name, Path(own).name}
        assert (used / "holiday-in-zanzibar.jpg").exists()
    end(running, signal.SIGKILL)
    upload_folder.sweep(place)
    assert list(place.iterdir()) == []


def test_one_of_a_release_before_goes_when_it_has_lain_a_day(place: Path) -> None:
    young, old = place / f"{upload_folder.PREFIX}young", place / f"{upload_folder.PREFIX}old"
    for folder in (young, old):
        folder.mkdir()
    day_before = time.time() - 90_000
    os.utime(old, (day_before, day_before))
    upload_folder.sweep(place)
    assert list(place.iterdir()) == [young]
