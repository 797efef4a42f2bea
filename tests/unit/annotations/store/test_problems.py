"""What disk and database say, as one sentence each."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from annotations.store import open_store, problems
from mmdemo.settings import ROOT, Settings


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "is full"),
        (errno.EDQUOT, "is full"),
        (errno.EACCES, "cannot be written"),
        (errno.EROFS, "cannot be written"),
        (errno.ENOENT, "cannot be made one"),
        (errno.ENOTDIR, "cannot be made one"),
        (errno.EIO, "cannot be used"),
    ],
)
def test_a_failed_file_operation(code: int, said: str) -> None:
    sentence = problems.from_os(OSError(code, os.strerror(code)), "/some/home").sentence()
    assert said in sentence and sentence.startswith(("/some/home", "The disk of /some/home"))


def test_a_database_in_a_folder_that_cannot_be_written_is_read_only_not_missing(tmp_path: Path) -> None:
    home = tmp_path / "home"
    open_store(Settings(home=home)).close()
    for path in home.iterdir():
        if path.name.startswith("mmdemo.sqlite-"):
            path.unlink()
    program = (
        "import os, sys\n"
        "from annotations.store import open_store, samples\n"
        "from mmdemo.settings import Settings\n"
        "from pathlib import Path\n"
        "from mmdemo.errors import StorageError\n"
        "os.geteuid() or os.setuid(65534)\n"
        "try:\n"
        "    open_store(Settings(home=Path(sys.argv[1]))).close()\n"
        "except StorageError as error:\n"
        "    print(error)\n"
    )
    for path in (tmp_path, home, home / "mmdemo.sqlite"):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.geteuid() and "pytest" in folder.name:
            folder.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", program, str(home)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "cannot be written" in done.stdout and "no folder" not in done.stdout
